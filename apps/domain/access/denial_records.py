"""Recording refusals. A flood from nobody must not become a flood of records: those are folded, one a minute."""

import threading
import time
from typing import Any
from uuid import UUID

from cachetools import TTLCache

from apps.audit_log import writer
from apps.audit_log.records import Phase
from apps.core.clock import now
from apps.core.principals import Principal, RequestContext
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Scope
from apps.usage import denials
from apps.usage.models import Refusal

FOLD_SECONDS = 60.0

_lock = threading.Lock()
_folded: TTLCache[tuple[str, str, str], list[int]] = TTLCache(maxsize=10_000, ttl=FOLD_SECONDS, timer=time.monotonic)


def record_denial(
    principal: Principal | None,
    scope: Scope,
    request: RequestContext,
    *,
    operation: str,
    status: int,
    object_id: str = "",
    limit: int = 0,
    wait: int = 0,
    **detail: Any,
) -> None:
    """Record that a known caller was refused, before the refusal is told. `limit`, `wait`: if throttled."""
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
    writer.append([record])
    if principal is not None:
        kept = {"object_id": writer.sanitize_text(object_id)[:300], "limit": limit, "wait": wait}
        _keep(principal, scope, request, operation=operation, status=status, kept=kept, detail=detail)


def record_anonymous_denial(
    scope: Scope,
    request: RequestContext,
    *,
    operation: str,
    status: int,
    reason: str,
    claimed: UUID | None = None,
    wait: int = 0,
) -> None:
    """Record that nobody we know was refused: the first of a source, vault and reason at once, and then once a minute.

    Each record carries how many like it were folded since the one before. `claimed`: the client id that was named;
    it is no fact, so that the record does not have it, and the application's owner may see it.
    """
    kept, why = {"claimed": claimed, "wait": wait}, {"description": reason}
    _keep(None, Scope(), request, operation=operation, status=status, kept=kept, detail=why)
    key = (request.address, scope.vault_name, reason)
    with _lock:
        seen = _folded.get(key)
        if seen is not None:
            seen[0] += 1
            return
        earlier = _waiting.pop(key, [0])[0]
        _folded[key] = _waiting[key] = [0]
        if len(_waiting) > 10_000:
            _waiting.clear()
    record_denial(None, scope, request, operation=operation, status=status, description=reason, folded=earlier)


def _keep(
    principal: Principal | None,
    scope: Scope,
    request: RequestContext,
    *,
    operation: str,
    status: int,
    kept: dict[str, Any],
    detail: dict[str, Any],
) -> None:
    """For whoever owns the caller to understand; of somebody unknown no more than what was wrong."""
    reason = ":".join(str(detail[word]) for word in ("description", "quota", "whose") if detail.get(word))
    denials.add(
        Refusal(
            at=now(),
            request_id=request.request_id,
            caller_id=principal.id if principal else None,
            vault_id=scope.vault_id,
            vault_name=writer.sanitize_text(scope.vault_name)[:80],
            operation=operation,
            permission=str(detail.get("permission") or ""),
            status=status,
            reason=writer.sanitize_text(reason)[:120],
            **kept,
        )
    )


_waiting: dict[tuple[str, str, str], list[int]] = {}
