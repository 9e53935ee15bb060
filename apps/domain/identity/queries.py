"""Queries of the organisation, its people, applications and signing keys."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Coalesce

from apps.core import clock
from apps.core.change_feed import Topic
from apps.core.errors import NotFound, Unavailable
from apps.core.leased_cache import LeasedCache
from apps.core.principals import PersonRole, Principal, PrincipalKind
from apps.core.sql import select_prepared
from apps.domain.identity.models import ApplicationIdentity, ClientSecret, Organisation, SigningKey, User
from apps.domain.identity.rules import ANNOUNCE_SECONDS, ServiceAddresses


class NotInitialised(Unavailable):
    """The installation has no organisation or signing key yet."""


class ApplicationNotFound(NotFound):
    """No such application identity."""


PERSON = "person"  # before the colon, which no name has

_CLIENT_SECRETS = """
    SELECT s.salt, s.digest FROM identity_clientsecret s
    JOIN identity_applicationidentity a ON a.user_id = s.application_id JOIN identity_user u ON u.id = a.user_id
    WHERE a.client_id = %s AND u.is_active AND s.expires > %s"""
_SIGNING_KEY_IDS = "SELECT id FROM identity_signingkey WHERE retired IS NULL AND protected_id IS NOT NULL"

_organisations: LeasedCache[Organisation] = LeasedCache(Topic.APPLICATIONS, maxsize=1)
_signing_keys: LeasedCache[list[SigningKey]] = LeasedCache(Topic.APPLICATIONS, maxsize=1)
_applications: LeasedCache[Principal | None] = LeasedCache(Topic.APPLICATIONS, maxsize=50_000)


def addresses() -> ServiceAddresses:
    """Return the addresses of this installation."""
    return ServiceAddresses(settings.VAULT_SUFFIX, settings.PUBLIC_PORT, settings.AUDITORS_PORT)


def get_organisation() -> Organisation:
    """Return the organisation. A change counts within a second. Raises `NotInitialised`."""

    def load() -> Organisation:
        organisation = Organisation.objects.first()
        if organisation is None:
            raise NotInitialised("The installation has no organisation yet. Run `manage.py initialise`.")
        return organisation

    return _organisations.get("", load)


def list_signing_keys() -> list[SigningKey]:
    """List the keys that verify tokens, the signing one first, within a second of a change. Raises `NotInitialised`."""
    return _signing_key_first(_signing_keys.get("", _load_signing_keys))


def get_signing_key() -> SigningKey:
    """Return the key that signs now. Raises `NotInitialised`.

    Which keys there are is read each time: a token that is signed after a retirement must not be signed by a key that
    was retired. Their rows never change otherwise, and may be cached.
    """
    ids = {key_id for (key_id,) in select_prepared(_SIGNING_KEY_IDS)}
    keys = _signing_keys.get("", _load_signing_keys)
    if ids != {key.pk for key in keys}:
        keys = _load_signing_keys()
    return _signing_key_first(keys)[0]


def _load_signing_keys() -> list[SigningKey]:
    keys = SigningKey.objects.select_related("protected").filter(retired__isnull=True, protected__isnull=False)
    rows = list(keys.order_by(Coalesce(F("ready"), F("created")).desc()))
    if not rows:
        raise NotInitialised("The token authority has no signing key yet. Run `manage.py initialise`.")
    return rows


def _signing_key_first(rows: list[SigningKey]) -> list[SigningKey]:
    """The newest key signs, but not before every process knows it (`ANNOUNCE_SECONDS`), unless there is no other."""
    if len(rows) == 1:
        return rows
    known_since = clock.now() - timedelta(seconds=ANNOUNCE_SECONDS)
    signing = next((row for row in rows if (row.ready or row.created) <= known_since), rows[-1])
    return [signing, *(row for row in rows if row is not signing)]


def find_application(*, client_id: UUID) -> Principal | None:
    """Return the principal of an application; None for an unknown one, and within a second for a disabled one."""

    def load() -> Principal | None:
        rows = ApplicationIdentity.objects.filter(client_id=client_id, user__is_active=True)
        row = rows.first()
        return None if row is None else principal_of_application(row)

    return _applications.get(client_id, load)


def check_client_secret(*, client_id: UUID, secret: str, now: datetime) -> Principal | None:
    """Return the application's principal if the secret is valid. An unknown client takes the same time."""
    salts = select_prepared(_CLIENT_SECRETS, [client_id, now])
    valid = False
    for salt, digest in salts or [(bytes(16), bytes(32))]:
        valid |= hmac.compare_digest(hash_secret(salt, secret), digest)
    return find_application(client_id=client_id) if valid and salts else None


def hash_secret(salt: bytes, secret: str) -> bytes:
    """Hash a client secret with salted SHA-256: it has 256 random bits (see `ClientSecret`)."""
    return hashlib.sha256(salt + secret.encode("utf-8", "surrogatepass")).digest()


def principal_of_person(user: User) -> Principal:
    """Make the principal of a signed-in person."""
    return Principal(
        id=user.pk,
        kind=PrincipalKind.PERSON,
        name=user.username,
        tenant_id=get_organisation().tenant_id,
        role=PersonRole(user.duty) if user.duty else None,
    )


def get_application(*, name: str) -> ApplicationIdentity:
    """Return the application with a client id or name; an id is never read as a name. Raises `ApplicationNotFound`."""
    rows = ApplicationIdentity.objects.select_related("user")
    try:
        row = rows.filter(client_id=UUID(name)).first()
    except ValueError:
        row = rows.filter(name=name).first()
    if row is None:
        raise ApplicationNotFound(_no_application(name))
    return row


def get_person(*, username: str) -> User:
    """Return the person of that name. Raises `ApplicationNotFound`."""
    user = User.objects.filter(username=username, kind="person").first()
    if user is None:
        raise ApplicationNotFound(f"There is no person '{username[:150]}'.")
    return user


def get_person_by_id(*, person_id: UUID) -> User:
    """Return the person with that id. Raises `ApplicationNotFound`."""
    user = User.objects.filter(pk=person_id, kind="person").first()
    if user is None:
        raise ApplicationNotFound("There is no such person.")
    return user


def is_name_taken(*, name: str) -> bool:
    """Tell whether a person or an application has that name, in any case: two must not be mistaken for one."""
    people = User.objects.filter(kind="person", username__iexact=name)
    return people.exists() or ApplicationIdentity.objects.filter(name__iexact=name).exists()


def list_applications(*, owner_id: UUID | None = None) -> list[ApplicationIdentity]:
    """List all application identities by name, or those of one developer."""
    rows = ApplicationIdentity.objects.select_related("user").order_by("name")
    return list(rows if owner_id is None else rows.filter(owner_id=owner_id))


def application_names() -> dict[str, str]:
    """Map client ids, which records and counters have, to the names of the applications."""
    return {str(row.client_id): row.name for row in list_applications()}


def list_client_ids_by_name(*, name: str) -> list[str]:
    """List the client ids of applications of that name in any case: old names may differ only in case."""
    rows = ApplicationIdentity.objects.filter(name__iexact=name).order_by("created")
    return [str(client_id) for client_id in rows.values_list("client_id", flat=True)]


def check_visible(principal: Principal, application: ApplicationIdentity, *, name: str = "") -> None:
    """Raise `ApplicationNotFound`, as for one that does not exist, when a developer asks for one of another owner."""
    if principal.role is PersonRole.DEVELOPER and application.owner_id != principal.id:
        raise ApplicationNotFound(_no_application(name or str(application.client_id)))


def get_visible_application(principal: Principal, *, name: str) -> ApplicationIdentity:
    """Return an application by name or client id, if the principal may know of it. Raises `ApplicationNotFound`."""
    application = get_application(name=name)
    check_visible(principal, application, name=name)
    return application


def get_assignee(principal: Principal, *, name: str) -> tuple[UUID, str]:
    """Return (id, name) of an assignee of roles: an application, or `person:NAME` for a developer.

    A developer assigns roles to their own applications only. Raises `ApplicationNotFound`.
    """
    kind, colon, username = name.partition(":")
    if not colon or kind != PERSON or principal.role is PersonRole.DEVELOPER:
        application = get_visible_application(principal, name=name)
        return application.user_id, application.name
    user = get_person(username=username)
    if user.duty != PersonRole.DEVELOPER.value:
        raise ApplicationNotFound(f"{username[:150]} is not a developer; only developers can have roles in vaults.")
    return user.pk, f"{PERSON}:{user.username}"


def list_developer_names() -> list[str]:
    """List every developer who may sign in, as `get_assignee` accepts them."""
    rows = User.objects.filter(kind="person", duty=PersonRole.DEVELOPER.value, is_active=True).order_by("username")
    return [f"{PERSON}:{username}" for username in rows.values_list("username", flat=True)]


def map_assignee_names(ids: Iterable[UUID]) -> dict[UUID, str]:
    """Map ids to the names that `get_assignee` accepts."""
    principal_ids = list(ids)
    people = User.objects.filter(pk__in=principal_ids, kind="person").values_list("pk", "username")
    applications = ApplicationIdentity.objects.filter(pk__in=principal_ids).values_list("pk", "name")
    return {**{pk: f"{PERSON}:{username}" for pk, username in people}, **dict(applications)}


def _no_application(name: str) -> str:
    return f"There is no application identity '{name[:128]}'."


def principal_of_application(application: ApplicationIdentity) -> Principal:
    """Make the principal of an application identity, enabled or not."""
    return Principal(
        id=application.user_id,
        kind=PrincipalKind.APPLICATION,
        name=application.name,
        tenant_id=get_organisation().tenant_id,
        client_id=str(application.client_id),
    )


def list_client_secrets(*, application: ApplicationIdentity) -> list[ClientSecret]:
    """List its client secrets by expiry; the stored digests reveal nothing."""
    return list(ClientSecret.objects.filter(application=application).order_by("expires"))


def list_people() -> list[User]:
    """List all people by name."""
    return list(User.objects.filter(kind="person").order_by("username"))


def find_principal(*, name: str) -> Principal:
    """Return an application by name or client id, or a person by name. Raises `ApplicationNotFound`."""
    try:
        return principal_of_application(get_application(name=name))
    except ApplicationNotFound:
        return principal_of_person(get_person(username=name))
