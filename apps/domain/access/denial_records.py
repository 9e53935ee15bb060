"""Records of denials. Those of unknown callers are folded to one a minute, so that a flood does not fill the log."""

import threading
import time
from typing import Any
from uuid import UUID

from cachetools import TTLCache

from apps.audit_log import writer
from apps.audit_log.operation_names import Operation
from apps.audit_log.records import Phase
from apps.core.clock import now
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
        columns = {"object_id": writer.sanitize_text(object_id)[:300], "limit": limit, "wait": wait}
        _explain_later(principal, scope, request, operation=operation, status=status, columns=columns, detail=detail)
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
    columns, detail = {"claimed": claimed, "wait": wait}, {"description": reason}
    _explain_later(None, Scope(), request, operation=operation, status=status, columns=columns, detail=detail)
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


def _explain_later(
    principal: Principal | None,
    scope: Scope,
    request: RequestContext,
    *,
    operation: Operation,
    status: int,
    columns: dict[str, Any],
    detail: dict[str, Any],
) -> None:
    """Store a denial for the owner of the caller to look up; of an unknown caller only the reason."""
    reason = ":".join(str(detail[word]) for word in ("description", "quota", "whose") if detail.get(word))
    denials.add(
        Denial(
            at=now(),
            request_id=request.request_id,
            caller_id=principal.id if principal else None,
            vault_id=scope.vault_id,
            vault_name=writer.sanitize_text(scope.vault_name)[:80],
            operation=operation,
            permission=str(detail.get("permission") or ""),
            status=status,
            reason=writer.sanitize_text(reason)[:120],
            **columns,
        )
    )


_waiting: dict[tuple[str, str, str], list[int]] = {}
