"""Recording refusals. A flood from nobody must not become a flood of records: those are folded, one a minute."""

import threading
import time
from typing import Any

from cachetools import TTLCache

from apps.access.grants import Scope
from apps.access.recording import make_record
from apps.audit import trail
from apps.audit.events import Phase
from apps.core.principals import Principal, RequestContext

FOLD_SECONDS = 60.0

_lock = threading.Lock()
_folded: TTLCache[tuple[str, str, str], list[int]] = TTLCache(maxsize=10_000, ttl=FOLD_SECONDS, timer=time.monotonic)


def record_refusal(
    principal: Principal | None,
    scope: Scope,
    request: RequestContext,
    *,
    operation: str,
    status: int,
    object_id: str = "",
    **detail: Any,
) -> None:
    """Record that a known caller was refused, before the refusal is told."""
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
    trail.append([record])


def record_anonymous(scope: Scope, request: RequestContext, *, operation: str, status: int, reason: str) -> None:
    """Record that nobody we know was refused: the first of a source, vault and reason at once, and then once a minute.

    Each record carries how many like it were folded since the one before.
    """
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
    record_refusal(None, scope, request, operation=operation, status=status, description=reason, folded=earlier)


_waiting: dict[tuple[str, str, str], list[int]] = {}
