"""Audit records made from grants and denials."""

from datetime import datetime
from typing import Any

from apps.audit_log.records import Phase
from apps.audit_log.writer import Record, append
from apps.core.clock import now
from apps.core.principals import Principal, RequestContext
from apps.domain.access.grants import Grant, Scope


def append_change(grant: Grant, *, operation: str, object_id: str = "", status: int = 200, **detail: Any) -> None:
    """Record what `grant` allowed, inside the transaction of the change itself."""
    record = record_of(grant, operation=operation, object_id=object_id, status=status, **detail)
    append([record])


def append_attempt(grant: Grant, *, operation: str, object_id: str = "", **detail: Any) -> None:
    """Record that the HSM is about to be asked for a change."""
    record = make_record(
        grant.principal,
        grant.scope,
        grant.request,
        operation=operation,
        phase=Phase.ATTEMPT,
        status=202,
        object_id=object_id,
        **detail,
    )
    append([record])


def record_of(grant: Grant, *, operation: str, object_id: str = "", status: int = 200, **detail: Any) -> Record:
    """The outcome of an allowed act."""
    return make_record(
        grant.principal,
        grant.scope,
        grant.request,
        operation=operation,
        phase=Phase.OUTCOME,
        status=status,
        object_id=object_id,
        **detail,
    )


def make_record(
    principal: Principal | None,
    scope: Scope,
    request: RequestContext,
    *,
    operation: str,
    phase: str,
    status: int,
    object_id: str = "",
    at: datetime | None = None,
    **detail: Any,
) -> Record:
    """A record with everything that is known of the caller and the request."""
    return Record(
        at=at or now(),
        vault_id=scope.vault_id,
        vault_name=scope.vault_name,
        operation=operation,
        phase=phase,
        status=status,
        caller_id=principal.id if principal else None,
        caller=(principal.client_id or principal.name) if principal else "",
        object_id=object_id,
        request_id=request.request_id,
        correlation_id=request.correlation_id,
        address=request.address,
        detail={
            "uri": request.uri,
            "clientInfo": request.user_agent,
            "apiVersion": request.api_version,
            "principalKind": principal.kind.value if principal else "anonymous",
            **({"reason": request.reason} if request.reason else {}),
            **detail,
        },
    )
