"""Invitations: a new person accepts one, which names their role and works once."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import Forbidden, NotFound
from apps.core.principals import PersonRole, PrincipalKind, RequestContext
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.approvals.effects import effect_of
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import approved_operation
from apps.domain.approvals.people import record_invitation
from apps.domain.identity.models import Invitation, User
from apps.domain.identity.operations import add_person
from apps.domain.identity.rules import check_name, digest_of

LIFETIME = timedelta(days=3)


class AuditorInvitedApart(Forbidden):
    """Auditors are invited on the machine: neither the portal nor a colleague makes somebody a reader of the log."""


class InvitationGone(NotFound):
    """Unknown, used, or too old: the answer is the same."""


def invite(*, grant: Grant, role: PersonRole, username: str = "", now: datetime) -> str:
    """Create an invitation. Its token is returned once; only a digest is stored.

    Raises `BadName`, `AuditorInvitedApart` for an auditor, unless the machine's command invites, and `ApprovalRequired`
    for security operations once there is a production vault. The command of the machine itself needs no approval.
    """
    grant.require(Permission.PEOPLE_INVITE)
    if role is PersonRole.AUDITOR and grant.principal.kind is not PrincipalKind.SYSTEM:
        raise AuditorInvitedApart(
            "An auditor is invited by the operator of the installation: ./portal manage invite --duty auditor."
        )
    if username:
        check_name(username)
    token = secrets.token_urlsafe(32)
    effect = effect_of(duty=role.value)
    with approved_operation(
        grant=grant,
        act=GuardedOperation.INVITATION,
        guarded=effect.guarded,
        subject=f"people/{username}" if username else "a person",
        change={"who": username, "as": role.value, "opens": effect.opens},
        now=now,
        basis=effect.basis,
    ):
        row = Invitation.objects.create(
            digest=digest_of(token),
            duty=role.value,
            username=username,
            invited_by=grant.principal.name,
            created=now,
            expires=now + LIFETIME,
        )
        append_change(grant, operation=Operation.INVITATION_PUT, object_id=f"invitations/{row.pk.hex}", duty=role.value)
    return token


def get_open(*, token: str, now: datetime) -> Invitation:
    """Return the open invitation of a token. Raises `InvitationGone`."""
    row = Invitation.objects.filter(digest=digest_of(token), accepted__isnull=True, expires__gt=now).first()
    if row is None:
        raise InvitationGone("This invitation was used, has expired or does not exist. Ask for a new one.")
    return row


def open_until(*, role: PersonRole, now: datetime) -> datetime | None:
    """Return when the last open invitation for a role ends; None when none is open."""
    rows = Invitation.objects.filter(duty=role.value, accepted__isnull=True, expires__gt=now)
    return rows.order_by("-expires").values_list("expires", flat=True).first()


@transaction.atomic
def accept(*, token: str, username: str, password: str, request: RequestContext, now: datetime) -> User:
    """Create the person that the invitation is for. Raises `InvitationGone`, `NameTaken`, `BadName`."""
    row = Invitation.objects.select_for_update().get(pk=get_open(token=token, now=now).pk)
    if row.accepted is not None:
        raise InvitationGone("This invitation was used just now. Ask for a new one.")
    grant = system_grant(Permission.PEOPLE_CREATE, origin=f"invitation {row.pk.hex}", request=request)
    user = add_person(grant=grant, username=username, role=PersonRole(row.duty), password=password)
    inviter = User.objects.filter(kind="person", username=row.invited_by).first()
    if inviter is not None:  # not the machine's command
        record_invitation(principal_id=user.pk, inviter_id=inviter.pk, now=now)
    row.accepted = now
    row.save(update_fields=["accepted"])
    return user
