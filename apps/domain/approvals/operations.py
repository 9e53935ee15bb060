"""Approvals: requesting, deciding, and consuming them.

An operation on a production vault first looks for its approved request. Without one it is denied, and the denial names
the request that is now open. The requester repeats the same operation after another person has approved it. An
approval is found by a digest of the whole content of the operation with the ids and the state of what it is about, so
the repeated operation is the approved one or needs another approval.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import IntegrityError, transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import Conflict, Forbidden
from apps.core.principals import PrincipalKind
from apps.core.sql import execute
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, GrantMismatch, Scope
from apps.domain.access.permissions import Permission
from apps.domain.approvals import queries
from apps.domain.approvals.effects import Effect, effect_of
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import ORGANISATION_ACTS, ApprovalRequest, GuardedOperation
from apps.domain.approvals.people import shared_people

APPROVAL_LIFETIME = timedelta(hours=24)
State = ApprovalRequest.State
P = Permission  # short, for the table below

# `GuardedOperation` in models.py lists the operations. Requesting one needs one of the permissions for doing it.
_PERMISSIONS: dict[GuardedOperation, tuple[Permission, ...]] = {
    GuardedOperation.PURGE: (P.KEYS_PURGE, P.SECRETS_PURGE, P.CERTIFICATES_PURGE),
    GuardedOperation.VAULT_DELETE: (P.VAULTS_DELETE,),
    GuardedOperation.VAULT_PURGE: (P.VAULTS_PURGE,),
    GuardedOperation.GUARD_OFF: (P.VAULTS_UPDATE,),
    GuardedOperation.RETENTION_SHORTENED: (P.VAULTS_UPDATE,),
    GuardedOperation.RSA1_5_ON: (P.VAULTS_UPDATE,),
    GuardedOperation.LOG_DESTINATION: (P.VAULTS_UPDATE,),
    GuardedOperation.ROLLOVER_OVERRIDE: (P.KEYS_UPDATE,),
    GuardedOperation.EVENT_SUBSCRIPTION: (P.VAULTS_UPDATE,),
    GuardedOperation.ROLE_GRANT: (P.ROLES_ASSIGN,),
    GuardedOperation.MANAGEMENT_ROLE: (P.MANAGERS_ASSIGN,),
    GuardedOperation.KEY_IMPORT: (P.KEYS_IMPORT, P.KEYS_RESTORE, P.CERTIFICATES_IMPORT, P.CERTIFICATES_RESTORE),
    GuardedOperation.RESTORE: (P.KEYS_RESTORE, P.SECRETS_RESTORE, P.CERTIFICATES_RESTORE),
    GuardedOperation.RELEASE_POLICY: (P.KEYS_CREATE, P.KEYS_UPDATE),
    GuardedOperation.CREDENTIAL: (P.APPLICATIONS_CREATE,),
    GuardedOperation.APPLICATION_ENABLE: (P.APPLICATIONS_CREATE,),
    GuardedOperation.PERSON_ENABLE: (P.PEOPLE_INVITE,),
    GuardedOperation.INVITATION: (P.PEOPLE_INVITE,),
    GuardedOperation.ATTESTATION_AUTHORITY: (P.AUTHORITIES_TRUST,),
}
_ENDING = (
    *_PERMISSIONS[GuardedOperation.PURGE],
    *_PERMISSIONS[GuardedOperation.CREDENTIAL],
    *(P.KEYS_RECOVER, P.SECRETS_RECOVER, P.CERTIFICATES_RECOVER, P.VAULTS_DELETE, P.VAULTS_PURGE),
    P.MANAGERS_ASSIGN,
)


class OwnRequest(Forbidden):
    """Requesters may not decide their own requests, under whichever account."""


class AlreadyDecided(Conflict):
    """The request was decided in the meantime, or has expired."""


class AccessChanged(Conflict):
    """What the act opens has changed at the same time."""


@contextmanager
def approved_operation(
    *,
    grant: Grant,
    act: GuardedOperation,
    guarded: bool,
    subject: str,
    change: dict[str, Any],
    now: datetime,
    concerns: Sequence[UUID] = (),
    basis: dict[str, Any] | None = None,
    principals: Sequence[UUID] = (),
) -> Iterator[None]:
    """Run the body in a transaction that consumes the approval; unguarded, just in a transaction.

    `principals`: those who get access; they are locked, so that none of them gets a credential meanwhile. The others
    as in `require_approval`. Raises `ApprovalRequired` before the body without an approval. Do not call it inside a
    transaction: the request that it opens must persist when the operation is denied.
    """
    grant.require(*_PERMISSIONS[act])
    approval = require_approval(
        grant=grant,
        act=act,
        guarded=guarded,
        subject=subject,
        change=change,
        now=now,
        concerns=[*concerns, *principals],
        basis=basis,
    )
    with transaction.atomic():
        lock_principals(grant=grant, act=act, principals=principals)
        consume(grant=grant, approval=approval, now=now)
        yield


@contextmanager
def approved_access(
    *, grant: Grant, act: GuardedOperation, principal_id: UUID, subject: str, change: dict[str, Any], now: datetime
) -> Iterator[Effect]:
    """Run an act that gives access to a principal's account.

    It needs an approval if the principal has roles in production vaults; the approver sees these. Raises
    `ApprovalRequired`, and `AccessChanged` when other roles came meanwhile.
    """
    grant.require(*_PERMISSIONS[act])
    effect = effect_of(principal_id=principal_id)
    with approved_operation(
        grant=grant,
        act=act,
        guarded=effect.guarded,
        subject=subject,
        change={**change, "opens": effect.opens},
        now=now,
        basis=effect.basis,
        principals=[principal_id],
    ):
        if effect_of(principal_id=principal_id).basis != effect.basis:
            raise AccessChanged("The roles of this account have just changed. Review them and try again.")
        yield effect


def lock_principals(*, grant: Grant, act: GuardedOperation, principals: Sequence[UUID]) -> None:
    """Lock principals until the transaction ends, so that nobody gets a role and a credential at the same time."""
    grant.require(*_PERMISSIONS[act])
    for principal_id in sorted(principals):
        execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"access of {principal_id}"])


def end_requests(*, grant: Grant, concerns: UUID) -> None:
    """End open requests and unused approvals about an object that was recovered or purged, or about a principal that
    has got a credential. Called in the transaction of that change.
    """
    grant.require(*_ENDING)
    rows = ApprovalRequest.objects.filter(concerns__contains=[concerns], state__in=[State.OPEN, State.APPROVED])
    rows.update(state=State.WITHDRAWN)


def require_approval(
    *,
    grant: Grant,
    act: GuardedOperation,
    guarded: bool,
    subject: str,
    change: dict[str, Any],
    now: datetime,
    vault: Any = None,
    concerns: Sequence[UUID] = (),
    basis: dict[str, Any] | None = None,
) -> ApprovalRequest | None:
    """Return the approval to `consume`; None when none is needed. Raises `ApprovalRequired`.

    `vault`: the guarded vault, where it is not the grant's: an operation may affect several. `concerns`: ids of the
    objects and principals that the operation is about. `basis`: their state, and digests of the content as far as
    `change` does not show it; plain JSON. Scheduled work of the system (purges that are due) was decided when its
    dates were set.
    """
    grant.require(*_PERMISSIONS[act])
    if not guarded or grant.principal.kind is PrincipalKind.SYSTEM:
        return None
    scope = grant.scope if vault is None else Scope.of(vault)
    if act in ORGANISATION_ACTS:
        scope = Scope()
    elif scope.vault_id is None:
        raise GrantMismatch("a second person is asked for at a vault")
    wanted = ApprovalRequest(
        act=act.value,
        vault_id=scope.vault_id or UUID(int=0),
        vault_name=scope.vault_name,
        subject=subject[:300],
        change=change,
        concerns=sorted(set(concerns)),
        basis=basis or {},
        requester_id=grant.principal.id,
        requester=grant.principal.name,
        created=now,
        expires=now + APPROVAL_LIFETIME,
    )
    wanted.fingerprint = _fingerprint(wanted)
    live = ApprovalRequest.objects.filter(fingerprint=wanted.fingerprint, requester_id=grant.principal.id)
    approved = live.filter(state=State.APPROVED, expires__gt=now).first()
    if approved is not None:
        return approved
    live.filter(state__in=[State.OPEN, State.APPROVED], expires__lte=now).update(state=State.WITHDRAWN)
    row = _open(grant, wanted)
    where = f" in vault {row.vault_name}" if row.vault_name else ""
    raise ApprovalRequired(
        f"{act.label} ({row.subject}){where} needs approval. Request {row.pk} is open until "
        f"{row.expires:%Y-%m-%d %H:%M} UTC. Another member of security operations can approve it in the portal under "
        "Approvals. Then repeat this call.",
        request_id=row.pk,
    )


def consume(
    *, grant: Grant, approval: ApprovalRequest | None, now: datetime, basis: dict[str, Any] | None = None
) -> None:
    """Consume an approval in the transaction of its operation. Raises `ApprovalRequired` when it is no longer valid.

    Only the requester consumes it, with a grant for the approved operation. `basis`: the state once more, now that it
    is locked. An approval is void if the approver has become the requester since, by adding one of its credentials.
    """
    if approval is None:
        return
    grant.require(*_PERMISSIONS[GuardedOperation(approval.act)])
    if approval.requester_id != grant.principal.id:
        raise GrantMismatch("only the requester can use an approval")
    if basis is not None and basis != approval.basis:
        raise ApprovalRequired("The object has just changed. Repeat this call to request a new approval.")
    rows = ApprovalRequest.objects.filter(pk=approval.pk, state=State.APPROVED, expires__gt=now)
    decider_id = rows.select_for_update().values_list("decider_id", flat=True).first()
    if decider_id is None or shared_people(approval.requester_id, decider_id, at=approval.created):
        raise ApprovalRequired("The approval is no longer valid. Repeat this call to request a new one.")
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
    if approve and shared_people(row.requester_id, grant.principal.id, at=row.created):
        raise OwnRequest(
            "You count as the requester: one of you created or invited the other, or added a credential, within "
            f"{settings.APPROVAL_SAME_PERSON_DAYS} days, or the same person did so for both. Another member of "
            "security operations must decide."
        )
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


def _open(grant: Grant, wanted: ApprovalRequest) -> ApprovalRequest:
    """Return the open request for this operation; create and record it when there is none."""
    live = ApprovalRequest.objects.filter(
        fingerprint=wanted.fingerprint, requester_id=wanted.requester_id, state=State.OPEN
    )
    row = live.first()
    if row is not None:
        return row
    try:
        with transaction.atomic():
            wanted.save(force_insert=True)
            append_change(
                grant, operation=Operation.APPROVAL_REQUEST, object_id=f"approvals/{wanted.pk}", act=wanted.act
            )
            return wanted
    except IntegrityError:  # the same call, twice concurrently
        return live.get()


def _fingerprint(wanted: ApprovalRequest) -> bytes:
    ids = [str(one) for one in wanted.concerns]
    facts = [wanted.act, str(wanted.vault_id), wanted.subject, wanted.change, ids, wanted.basis]
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).digest()
