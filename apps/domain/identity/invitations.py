"""How a person comes in: by an invitation, which names the duty and works once."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from apps.core.errors import NotFound
from apps.core.principals import Duty, RequestContext
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity.models import Invitation, User
from apps.domain.identity.operations import add_person
from apps.domain.identity.rules import check_name

LIFETIME = timedelta(days=3)


class InvitationGone(NotFound):
    """Unknown, used, or too old: the answer is the same."""


@transaction.atomic
def invite(*, grant: Grant, duty: Duty, username: str = "", now: datetime) -> str:
    """Make an invitation; the token is told once, of which we keep a digest. Raises `BadName`."""
    grant.require(Permission.PEOPLE_INVITE)
    if username:
        check_name(username)
    token = secrets.token_urlsafe(32)
    row = Invitation.objects.create(
        digest=_digest(token),
        duty=duty.value,
        username=username,
        invited_by=grant.principal.name,
        created=now,
        expires=now + LIFETIME,
    )
    append_change(grant, operation="InvitationPut", object_id=f"invitations/{row.pk.hex}", duty=duty.value)
    return token


def get_open(*, token: str, now: datetime) -> Invitation:
    """The invitation that a token opens. Raises `InvitationGone`."""
    row = Invitation.objects.filter(digest=_digest(token), accepted__isnull=True, expires__gt=now).first()
    if row is None:
        raise InvitationGone("This invitation was used, has expired or does not exist. Ask for a new one.")
    return row


def open_until(*, duty: Duty, now: datetime) -> datetime | None:
    """When the last open invitation for a duty ends; None when none is open."""
    rows = Invitation.objects.filter(duty=duty.value, accepted__isnull=True, expires__gt=now)
    return rows.order_by("-expires").values_list("expires", flat=True).first()


@transaction.atomic
def accept(*, token: str, username: str, password: str, request: RequestContext, now: datetime) -> User:
    """Make the person whom the invitation's duty is for. Raises `InvitationGone`, `NameTaken`, `BadName`."""
    row = Invitation.objects.select_for_update().get(pk=get_open(token=token, now=now).pk)
    if row.accepted is not None:
        raise InvitationGone("This invitation was used just now. Ask for a new one.")
    grant = system_grant(Permission.PEOPLE_CREATE, origin=f"invitation {row.pk.hex}", request=request)
    user = add_person(grant=grant, username=username, duty=Duty(row.duty), password=password)
    row.accepted = now
    row.save(update_fields=["accepted"])
    return user


def _digest(token: str) -> bytes:
    """SHA-256 is enough: nobody can search 2^256 tokens."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
