"""Audit records made from grants and denials."""

from datetime import datetime
from typing import Any

from apps.audit_log.group_commit import append_together
from apps.audit_log.operation_names import Operation
from apps.audit_log.records import Phase
from apps.audit_log.writer import Record, append
from apps.core.clock import now
from apps.core.principals import Principal, RequestContext, request_detail
from apps.domain.access.grants import Grant, Scope


def append_change(grant: Grant, *, operation: Operation, object_id: str = "", **detail: Any) -> None:
    """Record what `grant` allowed, inside the transaction of the change itself. `detail` as in `make_record`."""
    record = make_record(
        grant.principal, grant.scope, grant.request, operation=operation, object_id=object_id, **detail
    )
    append([record])


def append_reading(grant: Grant, *, operation: Operation, object_id: str = "") -> None:
    """Record what `grant` allowed and what changed nothing, together with the records of other threads."""
    who = grant.principal, grant.scope, grant.request
    append_together([make_record(*who, operation=operation, object_id=object_id)])


def make_record(
    principal: Principal | None,
    scope: Scope,
    request: RequestContext,
    *,
    operation: Operation,
    phase: Phase = Phase.OUTCOME,
    status: int = 200,
    object_id: str = "",
    at: datetime | None = None,
    **detail: Any,
) -> Record:
    """Make a record with everything that is known of the caller and the request."""
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
            **request_detail(principal, request),
            **({"reason": request.reason} if request.reason else {}),
            **detail,
        },
    )
