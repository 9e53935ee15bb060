"""Asking for a second person, deciding, and using a decision up.

An act on a guarded vault first looks for its own approved request. Without one the act is refused, and the refusal
names the request that is now open. The requester repeats the very same act once somebody else has approved it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import IntegrityError, transaction

from apps.core.errors import Conflict, Forbidden
from apps.core.principals import PrincipalKind
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, GrantMismatch, Scope
from apps.domain.access.permissions import Permission
from apps.domain.approvals import queries
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import Act, ApprovalRequest

LIFETIME = timedelta(hours=24)
State = ApprovalRequest.State
P = Permission  # the table below is read by people

# Who may ask for an act: whoever holds a grant for what the act does.
_ASKED_WITH: dict[Act, tuple[Permission, ...]] = {
    Act.PURGE: (P.KEYS_PURGE, P.SECRETS_PURGE, P.CERTIFICATES_PURGE),
    Act.GUARD_OFF: (P.VAULTS_UPDATE,),
    Act.RETENTION_SHORTENED: (P.VAULTS_UPDATE,),
    Act.LOG_DESTINATION: (P.VAULTS_UPDATE,),
    Act.ROLE_GRANT: (P.ROLES_ASSIGN,),
    Act.KEY_IMPORT: (P.KEYS_IMPORT, P.KEYS_RESTORE, P.CERTIFICATES_IMPORT, P.CERTIFICATES_RESTORE),
    Act.RELEASE_POLICY: (P.KEYS_CREATE, P.KEYS_UPDATE),
}


class OwnRequest(Forbidden):
    """Nobody decides what they asked for."""


class AlreadyDecided(Conflict):
    """Somebody was faster, or the request has expired."""


@contextmanager
def requires_approval(
    *, grant: Grant, act: Act, guarded: bool, subject: str, change: dict[str, Any], now: datetime
) -> Iterator[None]:
    """Run the body in a transaction that uses the approval up; unguarded, just in a transaction.

    Raises `SecondPersonNeeded` before the body when nobody has approved. Do not call it inside a transaction: the
    request that it opens must stay when the act is refused.
    """
    grant.require(*_ASKED_WITH[act])
    approval = require_approval(grant=grant, act=act, guarded=guarded, subject=subject, change=change, now=now)
    with transaction.atomic():
        consume(grant=grant, approval=approval, now=now)
        yield


def require_approval(
    *,
    grant: Grant,
    act: Act,
    guarded: bool,
    subject: str,
    change: dict[str, Any],
    now: datetime,
    vault: tuple[UUID, str] | None = None,
) -> ApprovalRequest | None:
    """The approval to `spend`; None when none is needed. Raises `SecondPersonNeeded`.

    `vault`: (id, name) of the vault that is guarded, where it is not the grant's: an act may reach into several.

    The system's own work (purging what is due) was decided when its dates were set.
    """
    grant.require(*_ASKED_WITH[act])
    if not guarded or grant.principal.kind is PrincipalKind.SYSTEM:
        return None
    scope = grant.scope if vault is None else Scope(*vault)
    if scope.vault_id is None:
        raise GrantMismatch("a second person is asked for at a vault")
    fingerprint = _fingerprint(scope.vault_id, act, subject, change)
    live = ApprovalRequest.objects.filter(fingerprint=fingerprint, requester_id=grant.principal.id)
    found = live.filter(state=State.APPROVED, expires__gt=now).first()
    if found is not None:
        return found
    live.filter(state__in=[State.OPEN, State.APPROVED], expires__lte=now).update(state=State.WITHDRAWN)
    found = _open(grant, scope, act, subject, change, fingerprint, now)
    raise ApprovalRequired(
        f"{act.label} ({subject}) in vault {found.vault_name} needs approval. Request {found.pk} is open until "
        f"{found.expires:%Y-%m-%d %H:%M} UTC. Waiting for approval by another member of security operations "
        "in the portal under Approvals. Then repeat this call."
    )


def consume(*, grant: Grant, approval: ApprovalRequest | None, now: datetime) -> None:
    """Use an approval up, in the transaction of its act. Raises `SecondPersonNeeded` when it is gone meanwhile.

    Only whoever asked uses it, with a grant for the act that was approved.
    """
    if approval is None:
        return
    grant.require(*_ASKED_WITH[Act(approval.act)])
    if approval.requester_id != grant.principal.id:
        raise GrantMismatch("only the requester can use an approval")
    rows = ApprovalRequest.objects.filter(pk=approval.pk, state=State.APPROVED, expires__gt=now)
    if rows.update(state=State.USED) != 1:
        raise ApprovalRequired("The approval was already used. Repeat this call to request a new one.")
    append_change(grant, operation="ApprovalUse", object_id=f"approvals/{approval.pk}")


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
        expires=now + LIFETIME,
    )
    if changed != 1:
        raise AlreadyDecided("This request was already decided, or has expired.")
    append_change(grant, operation="ApprovalDecide", object_id=f"approvals/{row.pk}", approved=approve, act=row.act)
    return queries.get_request(request_id=request_id)


def _open(  # noqa: PLR0917  private, one caller
    grant: Grant, scope: Scope, act: Act, subject: str, change: dict[str, Any], fingerprint: bytes, now: datetime
) -> ApprovalRequest:
    """The open request for this act; made, and recorded, when there is none."""
    principal = grant.principal
    live = ApprovalRequest.objects.filter(fingerprint=fingerprint, requester_id=principal.id, state=State.OPEN)
    found = live.first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            made = ApprovalRequest.objects.create(
                act=act.value,
                vault_id=scope.vault_id or UUID(int=0),  # `demand` has seen to it
                vault_name=scope.vault_name,
                subject=subject,
                change=change,
                fingerprint=fingerprint,
                requester_id=principal.id,
                requester=principal.name,
                created=now,
                expires=now + LIFETIME,
            )
            append_change(grant, operation="ApprovalRequest", object_id=f"approvals/{made.pk}", act=act.value)
            return made
    except IntegrityError:  # the same call, twice at once
        return live.get()


def _fingerprint(vault_id: UUID, act: Act, subject: str, change: dict[str, Any]) -> bytes:
    facts = [act.value, str(vault_id), subject, change]
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).digest()
