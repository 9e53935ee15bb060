"""Sign-in of a person's command line (RFC 8628): it shows a code, which they confirm in the browser.

So second factors, passkeys and single sign-on work for the command line too, and it sees no password.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.address_blocks import address_block
from apps.core.errors import Forbidden, NotFound, Throttled
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import grant_for_own_account
from apps.domain.identity.models import DeviceRequest, ManagementToken, User
from apps.domain.identity.queries import principal_of_person
from apps.domain.identity.rules import digest_of

LIFETIME = timedelta(minutes=10)  # of a request
_ONE_REQUEST = timedelta(minutes=1)
TOKEN_LIFETIME = timedelta(hours=8)  # equal to SESSION_COOKIE_AGE (vaultportal/settings/console.py)
INTERVAL = timedelta(seconds=3)  # between two polls of a device
PREFIX = "vpm_"  # lets secret scanners recognise a token
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 section 6.1: no vowels, so no words; 20^8 codes
_MAX_WAITING, _MAX_WAITING_PER_BLOCK = 1000, 50  # in all, and from one block of addresses
_USED_EVERY = timedelta(minutes=1)


class DeviceRequestGone(NotFound):
    """Unknown, used, or too old: the answer is the same."""


class DevicePending(Forbidden):
    """The person has not decided yet."""


class DeviceDenied(Forbidden):
    """The person denied the sign-in."""


class SlowDown(Throttled):
    """The device polls too often."""

    code = "DeviceTooEager"


class TokenNotFound(NotFound):
    """No such token of this person."""


class DeviceSignIn(NamedTuple):
    """The codes for the device, returned once."""

    device_code: str
    user_code: str


class IssuedToken(NamedTuple):
    """A token, returned once, and its row."""

    token: str
    row: ManagementToken


def start_sign_in(*, label: str, request: RequestContext, now: datetime) -> DeviceSignIn:
    """Start a sign-in for a command line; no authentication is needed. It may displace another (`_make_room`)."""
    DeviceRequest.objects.filter(expires__lt=now).delete()
    _make_room(request.address[:64])
    device_code, user_code = secrets.token_urlsafe(32), _new_user_code()
    DeviceRequest.objects.create(
        device_digest=digest_of(device_code),
        user_code_mac=_user_code_mac(user_code),
        label="".join(c for c in label if c.isprintable())[:64],
        address=request.address[:64],
        created=now,
        expires=now + LIFETIME,
    )
    return DeviceSignIn(device_code, format_user_code(user_code))


def format_user_code(user_code: str) -> str:
    """Format a code for comparison, however it was typed."""
    folded = _normalise_user_code(user_code)
    return f"{folded[:4]}-{folded[4:8]}"


def get_waiting(*, user_code: str, now: datetime) -> DeviceRequest:
    """Return the waiting request for a user code. Raises `DeviceRequestGone`."""
    rows = DeviceRequest.objects.filter(state=DeviceRequest.State.WAITING, expires__gt=now)
    row = rows.filter(user_code_mac=_user_code_mac(_normalise_user_code(user_code))).first()
    if row is None:
        raise DeviceRequestGone("This code is wrong, was used, or is older than ten minutes.")
    return row


@transaction.atomic
def decide(*, grant: Grant, user: User, user_code: str, allow: bool, now: datetime) -> DeviceRequest:
    """Confirm or deny a sign-in as the person who decides. Raises `DeviceRequestGone`."""
    grant.require(Permission.SESSIONS_OPEN)
    row = get_waiting(user_code=user_code, now=now)
    state = DeviceRequest.State.CONFIRMED if allow else DeviceRequest.State.DENIED
    changed = DeviceRequest.objects.filter(pk=row.pk, state=DeviceRequest.State.WAITING).update(
        state=state, person_id=grant.principal.id, password_mark=_password_mark(user), confirmed=now
    )
    if changed != 1:
        raise DeviceRequestGone("This code has already been decided.")
    operation = Operation.COMMAND_LINE_CONFIRM if allow else Operation.COMMAND_LINE_DENY
    append_change(grant, operation=operation, object_id=f"devices/{row.pk.hex}", deviceAddress=row.address)
    return row


def redeem(*, device_code: str, request: RequestContext, now: datetime) -> IssuedToken:
    """Give the device its token, once, when the sign-in is confirmed.

    Raises `DeviceRequestGone`, `SlowDown`, `DeviceDenied`, `DevicePending`.
    """
    digest = digest_of(device_code)
    row = DeviceRequest.objects.select_related("person").filter(device_digest=digest, expires__gt=now).first()
    if row is None or not hmac.compare_digest(bytes(row.device_digest), digest):
        raise DeviceRequestGone("This sign-in was used, has expired or does not exist.")
    too_soon = row.polled is not None and now - row.polled < INTERVAL * 0.8  # clocks and networks are not exact
    DeviceRequest.objects.filter(pk=row.pk).update(polled=now)
    if too_soon:
        raise SlowDown("Ask less often.")
    if row.state == DeviceRequest.State.DENIED:
        raise DeviceDenied("The person denied this sign-in.")
    if row.state == DeviceRequest.State.WAITING:
        raise DevicePending("Nobody has confirmed this sign-in yet.")
    return _issue(row, request, now)


@transaction.atomic
def issue_for_password(*, person_id: UUID, request: RequestContext, now: datetime) -> str:
    """Issue a token for the one request of a person who signed in with a password (the demo's HTTP Basic)."""
    token, person = PREFIX + secrets.token_urlsafe(32), User.objects.get(pk=person_id)
    issued = ManagementToken.objects.create(
        digest=digest_of(token),
        person=person,
        password_mark=_password_mark(person),
        label="password",
        created=now,
        proven=now,
        expires=now + _ONE_REQUEST,
    )
    _record_token(person, issued, request)
    return token


@transaction.atomic
def _issue(row: DeviceRequest, request: RequestContext, now: datetime) -> IssuedToken:
    user, confirmed = row.person, row.confirmed
    requests = DeviceRequest.objects.filter(pk=row.pk, state=DeviceRequest.State.CONFIRMED)
    if not requests.select_for_update().exists() or user is None or confirmed is None or not user.is_active:
        raise DeviceRequestGone("This sign-in was used just now.")
    if not hmac.compare_digest(bytes(row.password_mark), _password_mark(user)):
        raise DeviceRequestGone("The confirming person changed their password or was suspended. Sign in again.")
    token = PREFIX + secrets.token_urlsafe(32)
    issued = ManagementToken.objects.create(
        digest=digest_of(token),
        person=user,
        password_mark=bytes(row.password_mark),
        label=row.label,
        address=row.address,
        created=now,
        proven=confirmed,
        expires=now + TOKEN_LIFETIME,
    )
    requests.delete()  # for an auditor the database did it: it takes one token for one confirmation
    _record_token(user, issued, request)
    return IssuedToken(token, issued)


def _record_token(person: User, row: ManagementToken, request: RequestContext) -> None:
    grant = grant_for_own_account(principal_of_person(person), Permission.SESSIONS_OPEN, request)
    append_change(grant, operation=Operation.MANAGEMENT_TOKEN_ISSUE, object_id=f"tokens/{row.pk.hex}", label=row.label)


def authenticate_token(*, token: str, now: datetime) -> ManagementToken | None:
    """Return the token if it is valid: of an active person, not ended or expired, and older than no password change."""
    digest = digest_of(token)
    rows = ManagementToken.objects.select_related("person").filter(ended__isnull=True, expires__gt=now)
    row = rows.filter(digest=digest, person__is_active=True).first()
    if row is None or not hmac.compare_digest(bytes(row.digest), digest):
        return None
    if not hmac.compare_digest(bytes(row.password_mark), _password_mark(row.person)):
        return None
    if row.used is None or now - row.used > _USED_EVERY:
        ManagementToken.objects.filter(pk=row.pk).update(used=now)
    return row


def list_tokens(*, person_id: UUID, now: datetime) -> list[ManagementToken]:
    """List the valid tokens of a person, the newest first."""
    rows = ManagementToken.objects.select_related("person").filter(person_id=person_id, ended__isnull=True)
    valid = rows.filter(expires__gt=now).order_by("-created")
    return [row for row in valid if hmac.compare_digest(bytes(row.password_mark), _password_mark(row.person))]


@transaction.atomic
def end_token(*, grant: Grant, token_id: UUID, now: datetime) -> None:
    """End one of the person's own tokens at once. Raises `TokenNotFound`."""
    grant.require(Permission.SESSIONS_OPEN)
    rows = ManagementToken.objects.filter(pk=token_id, person_id=grant.principal.id, ended__isnull=True)
    if rows.update(ended=now) != 1:
        raise TokenNotFound("You have no such sign-in; it may have ended.")
    append_change(grant, operation=Operation.MANAGEMENT_TOKEN_END, object_id=f"tokens/{token_id.hex}")


def _make_room(address: str) -> None:
    """Delete waiting requests so that one more from the address fits. What a person has decided on stays.

    Where a block of addresses has its share, its own oldest goes; else that of the block with the most. So a flood
    displaces itself, and nobody elsewhere has to wait.
    """
    waiting = DeviceRequest.objects.filter(state=DeviceRequest.State.WAITING).order_by("created")
    blocks: dict[str, list[UUID]] = {}
    for row_id, row_address in waiting.values_list("pk", "address"):
        blocks.setdefault(address_block(row_address), []).append(row_id)
    own = blocks.get(address_block(address), [])
    surplus = own[: len(own) + 1 - _MAX_WAITING_PER_BLOCK] if len(own) >= _MAX_WAITING_PER_BLOCK else []
    if not surplus and sum(map(len, blocks.values())) >= _MAX_WAITING:
        surplus = max(blocks.values(), key=len)[:1]
    waiting.filter(pk__in=surplus).delete()


def _new_user_code() -> str:
    """Make a code that no waiting request has."""
    while True:
        code = "".join(secrets.choice(_LETTERS) for _ in range(8))
        if not DeviceRequest.objects.filter(user_code_mac=_user_code_mac(code)).exists():
            return code


def _normalise_user_code(user_code: str) -> str:
    return "".join(c for c in user_code.upper() if c in _LETTERS)


def _user_code_mac(user_code: str) -> bytes:
    key = hashlib.sha256(b"vault portal device codes\0" + settings.SECRET_KEY.encode()).digest()
    return hmac.digest(key, user_code.encode("utf-8", "surrogatepass"), "sha256")


def _password_mark(user: User) -> bytes:
    """Hash a value that changes with the password, as Django's sessions do."""
    return hashlib.sha256(user.get_session_auth_hash().encode()).digest()
