"""Records of denials. Those of unknown callers are folded to one a minute, so that a flood does not fill the log."""

import threading
import time
from typing import Any
from uuid import UUID

from cachetools import TTLCache

from apps.audit_log import writer
from apps.audit_log.operation_names import Operation
from apps.audit_log.records import Phase, Record
from apps.core.principals import Principal, RequestContext
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Scope
from apps.usage import denials
from apps.usage.models import Denial

FOLD_SECONDS = 60.0

_lock = threading.Lock()
_folded: TTLCache[tuple[str, str, str], list[int]] = TTLCache(maxsize=10_000, ttl=FOLD_SECONDS, timer=time.monotonic)


def record_denial(principal: Principal | None, scope: Scope, request: RequestContext, **facts: Any) -> None:
    """Record a denial before the caller gets the answer. `facts`: the arguments of `make_denial`."""
    writer.append([make_denial(principal, scope, request, **facts)])


def make_denial(
    principal: Principal | None,
    scope: Scope,
    request: RequestContext,
    *,
    operation: Operation,
    status: int,
    object_id: str = "",
    limit: int = 0,
    wait: int = 0,
    **detail: Any,
) -> writer.Record:
    """Make the record of a denial, and keep what its caller may look up. `limit`, `wait`: if throttled."""
    record = make_record(
        principal,
        scope,
        request,
        operation=operation,
        phase=Phase.DENIAL,
        status=status,
        object_id=object_id,
        **detail,
    )
    if principal is not None:
        _explain_later(record, object_id=writer.sanitize_text(object_id)[:300], limit=limit, wait=wait)
    return record


def record_anonymous_denial(
    scope: Scope,
    request: RequestContext,
    *,
    operation: Operation,
    status: int,
    reason: str,
    claimed: UUID | None = None,
    wait: int = 0,
) -> None:
    """Record a denial of an unknown caller: the first of a source, vault and reason at once, then one a minute.

    Each record has the number of equal ones folded since the one before. `claimed`: the client id that was named; it
    is not verified, so the record omits it, but the application's owner may see it.
    """
    record = make_record(None, Scope(), request, operation=operation, status=status, description=reason)
    _explain_later(record, claimed=claimed, wait=wait)
    key = (request.address, scope.vault_name, reason)
    with _lock:
        folded = _folded.get(key)
        if folded is not None:
            folded[0] += 1
            return
        earlier = _waiting.pop(key, [0])[0]
        _folded[key] = _waiting[key] = [0]
        if len(_waiting) > 10_000:
            _waiting.clear()
    record_denial(None, scope, request, operation=operation, status=status, description=reason, folded=earlier)


def _explain_later(record: Record, **columns: Any) -> None:
    """Store a denial for the owner of the caller to look up; of an unknown caller only the reason."""
    reason = ":".join(str(record.detail[word]) for word in ("description", "quota", "whose") if record.detail.get(word))
    denials.add(
        Denial(
            at=record.at,
            request_id=record.request_id,
            caller_id=record.caller_id,
            vault_id=record.vault_id,
            vault_name=writer.sanitize_text(record.vault_name)[:80],
            operation=record.operation,
            permission=str(record.detail.get("permission") or ""),
            status=record.status,
            reason=writer.sanitize_text(reason)[:120],
            **columns,
        )
    )


_waiting: dict[tuple[str, str, str], list[int]] = {}
