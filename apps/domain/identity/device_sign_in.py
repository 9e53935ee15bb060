"""How a person's command line signs in (RFC 8628): it shows a code, and they confirm that in the browser.

So second factors, passkeys and the company's sign-in work for the command line too, and it sees no password.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.core.errors import Forbidden, NotFound, Throttled
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import grant_for_own_account
from apps.domain.identity.models import DeviceRequest, ManagementToken, User
from apps.domain.identity.queries import person

LIFETIME = timedelta(minutes=10)  # of a request
TOKEN_LIFETIME = timedelta(hours=8)  # as a session of the browser
INTERVAL = timedelta(seconds=3)  # between two questions of a device
PREFIX = "vpm_"  # tells scanners of source code what they found
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 section 6.1: no vowels, so no words; 20^8 codes
_MOST_WAITING, _MOST_WAITING_HERE = 1000, 50  # in all, and from one address
_USED_EVERY = timedelta(minutes=1)


class DeviceRequestGone(NotFound):
    """Unknown, used, or too old: the answer is the same."""


class DevicePending(Forbidden):
    """Nobody has decided yet."""


class DeviceDenied(Forbidden):
    """The person said no."""


class SlowDown(Throttled):
    """It asks more often than it was told."""

    code = "DeviceTooEager"


class TooManyDevices(Throttled):
    """More wait than people could confirm."""


class TokenNotFound(NotFound):
    """No such token of this person."""


class DeviceSignIn(NamedTuple):
    """What the device is told; the codes are told once."""

    device_code: str
    user_code: str


class IssuedToken(NamedTuple):
    """A token, told once."""

    token: str
    row: ManagementToken


def start(*, label: str, request: RequestContext, now: datetime) -> DeviceSignIn:
    """A command line asks to be signed in; anybody may ask. Raises `TooManyDevices`."""
    DeviceRequest.objects.filter(expires__lt=now).delete()
    here = DeviceRequest.objects.filter(address=request.address[:64])
    if here.count() >= _MOST_WAITING_HERE or DeviceRequest.objects.count() >= _MOST_WAITING:
        raise TooManyDevices("Too many sign-ins wait to be confirmed. Try again in some minutes.")
    device_code, user_code = secrets.token_urlsafe(32), _new_user_code()
    DeviceRequest.objects.create(
        device_digest=_digest(device_code),
        user_code_mac=_mac(user_code),
        label="".join(c for c in label if c.isprintable())[:64],
        address=request.address[:64],
        created=now,
        expires=now + LIFETIME,
    )
    return DeviceSignIn(device_code, format_user_code(user_code))


def format_user_code(user_code: str) -> str:
    """As people compare it, however somebody typed it."""
    folded = _folded(user_code)
    return f"{folded[:4]}-{folded[4:8]}"


def get_waiting(*, user_code: str, now: datetime) -> DeviceRequest:
    """What a person decides on, by the code that they read. Raises `DeviceRequestGone`."""
    rows = DeviceRequest.objects.filter(state=DeviceRequest.State.WAITING, expires__gt=now)
    row = rows.filter(user_code_mac=_mac(_folded(user_code))).first()
    if row is None:
        raise DeviceRequestGone("This code is wrong, was used, or is older than ten minutes.")
    return row


@transaction.atomic
def decide(*, grant: Grant, user: User, user_code: str, allow: bool, now: datetime) -> DeviceRequest:
    """A person confirms or denies a sign-in as themselves. Raises `DeviceRequestGone`."""
    grant.require(Permission.SESSIONS_OPEN)
    row = get_waiting(user_code=user_code, now=now)
    state = DeviceRequest.State.CONFIRMED if allow else DeviceRequest.State.DENIED
    changed = DeviceRequest.objects.filter(pk=row.pk, state=DeviceRequest.State.WAITING).update(
        state=state, person_id=grant.principal.id, password_mark=_mark(user), confirmed=now
    )
    if changed != 1:
        raise DeviceRequestGone("This code has already been decided.")
    operation = "CommandLineConfirm" if allow else "CommandLineDeny"
    append_change(grant, operation=operation, object_id=f"devices/{row.pk.hex}", deviceAddress=row.address)
    return row


def redeem(*, device_code: str, request: RequestContext, now: datetime) -> IssuedToken:
    """The device asks whether it is confirmed, and gets its token, once.

    Raises `DeviceRequestGone`, `DeviceTooEager`, `DeviceDenied`, `DevicePending`.
    """
    digest = _digest(device_code)
    row = DeviceRequest.objects.select_related("person").filter(device_digest=digest, expires__gt=now).first()
    if row is None or not hmac.compare_digest(bytes(row.device_digest), digest):
        raise DeviceRequestGone("This sign-in was used, has expired or does not exist.")
    eager = row.polled is not None and now - row.polled < INTERVAL * 0.8  # clocks and networks are not exact
    DeviceRequest.objects.filter(pk=row.pk).update(polled=now)
    if eager:
        raise SlowDown("Ask less often.")
    if row.state == DeviceRequest.State.DENIED:
        raise DeviceDenied("The person denied this sign-in.")
    if row.state == DeviceRequest.State.WAITING:
        raise DevicePending("Nobody has confirmed this sign-in yet.")
    return _issue(row, request, now)


@transaction.atomic
def _issue(row: DeviceRequest, request: RequestContext, now: datetime) -> IssuedToken:
    user, proven = row.person, row.confirmed
    deleted, _ = DeviceRequest.objects.filter(pk=row.pk, state=DeviceRequest.State.CONFIRMED).delete()
    if deleted != 1 or user is None or proven is None or not user.is_active:
        raise DeviceRequestGone("This sign-in was used just now.")
    if not hmac.compare_digest(bytes(row.password_mark), _mark(user)):
        raise DeviceRequestGone("The confirming person changed their password or was suspended. Sign in again.")
    token = PREFIX + secrets.token_urlsafe(32)
    made = ManagementToken.objects.create(
        digest=_digest(token),
        person=user,
        password_mark=bytes(row.password_mark),
        label=row.label,
        address=row.address,
        created=now,
        proven=proven,
        expires=now + TOKEN_LIFETIME,
    )
    grant = grant_for_own_account(person(user), Permission.SESSIONS_OPEN, request)
    append_change(grant, operation="ManagementTokenIssue", object_id=f"tokens/{made.pk.hex}", label=row.label)
    return IssuedToken(token, made)


def find_token(*, token: str, now: datetime) -> ManagementToken | None:
    """The token, if it is one of an active person, not ended, not over, with nothing since that ends tokens."""
    digest = _digest(token)
    rows = ManagementToken.objects.select_related("person").filter(ended__isnull=True, expires__gt=now)
    row = rows.filter(digest=digest, person__is_active=True).first()
    if row is None or not hmac.compare_digest(bytes(row.digest), digest):
        return None
    if not hmac.compare_digest(bytes(row.password_mark), _mark(row.person)):
        return None
    if row.used is None or now - row.used > _USED_EVERY:
        ManagementToken.objects.filter(pk=row.pk).update(used=now)
    return row


def list_tokens(*, person_id: UUID, now: datetime) -> list[ManagementToken]:
    """Those of a person that are good still, the newest first."""
    rows = ManagementToken.objects.select_related("person").filter(person_id=person_id, ended__isnull=True)
    found = rows.filter(expires__gt=now).order_by("-created")
    return [row for row in found if hmac.compare_digest(bytes(row.password_mark), _mark(row.person))]


@transaction.atomic
def end_token(*, grant: Grant, token_id: UUID, now: datetime) -> None:
    """End a token of one's own; it is worth nothing at once. Raises `TokenNotFound`."""
    grant.require(Permission.SESSIONS_OPEN)
    rows = ManagementToken.objects.filter(pk=token_id, person_id=grant.principal.id, ended__isnull=True)
    if rows.update(ended=now) != 1:
        raise TokenNotFound("You have no such sign-in; it may have ended.")
    append_change(grant, operation="ManagementTokenEnd", object_id=f"tokens/{token_id.hex}")


def _new_user_code() -> str:
    """One that nobody waits with."""
    while True:
        code = "".join(secrets.choice(_LETTERS) for _ in range(8))
        if not DeviceRequest.objects.filter(user_code_mac=_mac(code)).exists():
            return code


def _folded(user_code: str) -> str:
    return "".join(c for c in user_code.upper() if c in _LETTERS)


def _digest(secret: str) -> bytes:
    """SHA-256 is enough: nobody can search 2^256."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _mac(user_code: str) -> bytes:
    key = hashlib.sha256(b"vault portal device codes\0" + settings.SECRET_KEY.encode()).digest()
    return hmac.digest(key, user_code.encode("utf-8", "surrogatepass"), "sha256")


def _mark(user: User) -> bytes:
    """Changes with the password (Django ends sessions by the same)."""
    return hashlib.sha256(user.get_session_auth_hash().encode()).digest()
