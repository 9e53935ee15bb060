"""Records of denials. Those of unknown callers are folded and bounded, so that a flood does not fill the log."""

from typing import Any
from uuid import UUID

from apps.audit_log import writer
from apps.audit_log.operation_names import Operation
from apps.audit_log.records import Phase, Record
from apps.core.address_blocks import address_block
from apps.core.principals import Principal, RequestContext
from apps.domain.access.anonymous_denials import AnonymousDenials, Kind
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Scope
from apps.usage import denials
from apps.usage.models import Denial

_anonymous = AnonymousDenials()


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
    vault_id: UUID | None = None,
    claimed: UUID | None = None,
    wait: int = 0,
) -> None:
    """Record a denial of an unknown caller: the first of a sender, vault and reason at once, then one a minute.

    Each record has the number of equal ones folded since the one before, and of those that a ceiling left out
    (`anonymous_denials`). `vault_id`: the vault that has the name in `scope`, if one has it. `claimed`: the client id
    that was named; it is not verified, so the record omits it, but the application's owner may see it.
    """
    record = make_record(None, Scope(), request, operation=operation, status=status, description=reason)
    _explain_later(record, claimed=claimed, wait=wait)
    recorded = _anonymous.count(Kind(address_block(request.address), vault_id, reason))
    if recorded is None:
        return
    left_out = {"leftOut": recorded.left_out} if recorded.left_out else {}
    record_denial(
        None, scope, request, operation=operation, status=status, description=reason, folded=recorded.folded, **left_out
    )


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
