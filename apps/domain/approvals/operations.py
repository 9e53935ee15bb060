"""Approvals: requesting, deciding, and consuming them.

An operation on a production vault first looks for its approved request. Without one it is denied, and the denial names
the request that is now open. The requester repeats the same operation after another person has approved it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError, transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import Conflict, Forbidden
from apps.core.principals import PrincipalKind
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, GrantMismatch, Scope
from apps.domain.access.permissions import Permission
from apps.domain.approvals import queries
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import ApprovalRequest, GuardedOperation

APPROVAL_LIFETIME = timedelta(hours=24)
State = ApprovalRequest.State
P = Permission  # short, for the table below

# `GuardedOperation` in models.py lists the operations. Requesting one needs one of the permissions for doing it.
_PERMISSIONS: dict[GuardedOperation, tuple[Permission, ...]] = {
    GuardedOperation.PURGE: (P.KEYS_PURGE, P.SECRETS_PURGE, P.CERTIFICATES_PURGE),
    GuardedOperation.GUARD_OFF: (P.VAULTS_UPDATE,),
    GuardedOperation.RETENTION_SHORTENED: (P.VAULTS_UPDATE,),
    GuardedOperation.LOG_DESTINATION: (P.VAULTS_UPDATE,),
    GuardedOperation.ROLE_GRANT: (P.ROLES_ASSIGN,),
    GuardedOperation.KEY_IMPORT: (P.KEYS_IMPORT, P.KEYS_RESTORE, P.CERTIFICATES_IMPORT, P.CERTIFICATES_RESTORE),
    GuardedOperation.RELEASE_POLICY: (P.KEYS_CREATE, P.KEYS_UPDATE),
}


class OwnRequest(Forbidden):
    """Requesters may not decide their own requests."""


class AlreadyDecided(Conflict):
    """The request was decided in the meantime, or has expired."""


@contextmanager
def requires_approval(
    *, grant: Grant, act: GuardedOperation, guarded: bool, subject: str, change: dict[str, Any], now: datetime
) -> Iterator[None]:
    """Run the body in a transaction that consumes the approval; unguarded, just in a transaction.

    Raises `ApprovalRequired` before the body without an approval. Do not call it inside a transaction: the request
    that it opens must persist when the operation is denied.
    """
    grant.require(*_PERMISSIONS[act])
    approval = require_approval(grant=grant, act=act, guarded=guarded, subject=subject, change=change, now=now)
    with transaction.atomic():
        consume(grant=grant, approval=approval, now=now)
        yield


def require_approval(
    *,
    grant: Grant,
    act: GuardedOperation,
    guarded: bool,
    subject: str,
    change: dict[str, Any],
    now: datetime,
    vault: Any = None,
) -> ApprovalRequest | None:
    """Return the approval to `consume`; None when none is needed. Raises `ApprovalRequired`.

    `vault`: the guarded vault, where it is not the grant's: an operation may affect several. Scheduled work of the
    system (purges that are due) was decided when its dates were set.
    """
    grant.require(*_PERMISSIONS[act])
    if not guarded or grant.principal.kind is PrincipalKind.SYSTEM:
        return None
    scope = grant.scope if vault is None else Scope.of(vault)
    if scope.vault_id is None:
        raise GrantMismatch("a second person is asked for at a vault")
    fingerprint = _fingerprint(scope.vault_id, act, subject, change)
    live = ApprovalRequest.objects.filter(fingerprint=fingerprint, requester_id=grant.principal.id)
    approved = live.filter(state=State.APPROVED, expires__gt=now).first()
    if approved is not None:
        return approved
    live.filter(state__in=[State.OPEN, State.APPROVED], expires__lte=now).update(state=State.WITHDRAWN)
    row = _open(grant, scope, act, subject, change, fingerprint, now)
    raise ApprovalRequired(
        f"{act.label} ({subject}) in vault {row.vault_name} needs approval. Request {row.pk} is open until "
        f"{row.expires:%Y-%m-%d %H:%M} UTC. Waiting for approval by another member of security operations "
        "in the portal under Approvals. Then repeat this call."
    )


def consume(*, grant: Grant, approval: ApprovalRequest | None, now: datetime) -> None:
    """Consume an approval in the transaction of its operation. Raises `ApprovalRequired` when it is no longer valid.

    Only the requester consumes it, with a grant for the approved operation.
    """
    if approval is None:
        return
    grant.require(*_PERMISSIONS[GuardedOperation(approval.act)])
    if approval.requester_id != grant.principal.id:
        raise GrantMismatch("only the requester can use an approval")
    rows = ApprovalRequest.objects.filter(pk=approval.pk, state=State.APPROVED, expires__gt=now)
    if rows.update(state=State.USED) != 1:
        raise ApprovalRequired("The approval was already used. Repeat this call to request a new one.")
    append_change(grant, operation=Operation.APPROVAL_USE, object_id=f"approvals/{approval.pk}")


@transaction.atomic
def decide(*, grant: Grant, request_id: UUID, approve: bool, note: str = "", now: datetime) -> ApprovalRequest:
    """Approve or reject. Raises `RequestNotFound`, `OwnRequest`, `AlreadyDecided`."""
    grant.require(Permission.APPROVALS_DECIDE)
    row = queries.get_request(request_id=request_id)
    if row.requester_id == grant.principal.id:
        raise OwnRequest("You requested this. Another member of security operations must decide.")
    changed = ApprovalRequest.objects.filter(pk=row.pk, state=State.OPEN, expires__gt=now).update(
        state=State.APPROVED if approve else State.REJECTED,
        decider_id=grant.principal.id,
        decider=grant.principal.name,
        decided=now,
        note=note[:500],
        expires=now + APPROVAL_LIFETIME,
    )
    if changed != 1:
        raise AlreadyDecided("This request was already decided, or has expired.")
    append_change(
        grant, operation=Operation.APPROVAL_DECIDE, object_id=f"approvals/{row.pk}", approved=approve, act=row.act
    )
    return queries.get_request(request_id=request_id)


def _open(  # noqa: PLR0917  private, one caller
    grant: Grant,
    scope: Scope,
    act: GuardedOperation,
    subject: str,
    change: dict[str, Any],
    fingerprint: bytes,
    now: datetime,
) -> ApprovalRequest:
    """Return the open request for this operation; create and record it when there is none."""
    principal = grant.principal
    live = ApprovalRequest.objects.filter(fingerprint=fingerprint, requester_id=principal.id, state=State.OPEN)
    row = live.first()
    if row is not None:
        return row
    try:
        with transaction.atomic():
            row = ApprovalRequest.objects.create(
                act=act.value,
                vault_id=scope.vault_id or UUID(int=0),  # `require_approval` has checked it
                vault_name=scope.vault_name,
                subject=subject,
                change=change,
                fingerprint=fingerprint,
                requester_id=principal.id,
                requester=principal.name,
                created=now,
                expires=now + APPROVAL_LIFETIME,
            )
            append_change(grant, operation=Operation.APPROVAL_REQUEST, object_id=f"approvals/{row.pk}", act=act.value)
            return row
    except IntegrityError:  # the same call, twice concurrently
        return live.get()


def _fingerprint(vault_id: UUID, act: GuardedOperation, subject: str, change: dict[str, Any]) -> bytes:
    facts = [act.value, str(vault_id), subject, change]
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).digest()
