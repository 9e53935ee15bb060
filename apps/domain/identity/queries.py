"""Reading the organisation, its people, applications and signing keys."""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.conf import settings

from apps.core.errors import NotFound, Unavailable
from apps.core.principals import Duty, Principal, PrincipalKind
from apps.core.ttl_cache import ShortTtlCache
from apps.domain.identity.models import ApplicationIdentity, ClientSecret, Organisation, SigningKey, User
from apps.domain.identity.rules import ServiceAddresses


class NotInitialised(Unavailable):
    """The installation has no organisation or signing key yet."""


class ApplicationNotFound(NotFound):
    """No such application identity."""


PERSON = "person"  # before the colon, which no name has

_organisations: ShortTtlCache[Organisation] = ShortTtlCache(maxsize=1)
_signing_keys: ShortTtlCache[list[SigningKey]] = ShortTtlCache(maxsize=1)
_applications: ShortTtlCache[Principal | None] = ShortTtlCache(maxsize=50_000)


def addresses() -> ServiceAddresses:
    """Where this installation answers."""
    return ServiceAddresses(settings.VAULT_SUFFIX, settings.PUBLIC_PORT, settings.AUDITORS_PORT)


def get_organisation() -> Organisation:
    """The one organisation. At most a second old. Raises `NotInitialised`."""

    def load() -> Organisation:
        organisation = Organisation.objects.first()
        if organisation is None:
            raise NotInitialised("The installation has no organisation yet. Run `manage.py initialise`.")
        return organisation

    return _organisations.get("", load)


def list_signing_keys() -> list[SigningKey]:
    """Keys that verify tokens, the one that signs first. At most a second old. Raises `NotInitialised`."""

    def load() -> list[SigningKey]:
        keys = SigningKey.objects.select_related("protected").filter(retired__isnull=True, protected__isnull=False)
        found = list(keys.order_by("-created"))
        if not found:
            raise NotInitialised("The token authority has no signing key yet. Run `manage.py initialise`.")
        return found

    return _signing_keys.get("", load)


def find_application(*, client_id: UUID) -> Principal | None:
    """The principal of an active application identity; None for an unknown or disabled one. At most a second old."""

    def load() -> Principal | None:
        rows = ApplicationIdentity.objects.select_related("user").filter(client_id=client_id, user__is_active=True)
        row = rows.first()
        return None if row is None else _principal(row)

    return _applications.get(client_id, load)


def check_client_secret(*, client_id: UUID, secret: str, now: datetime) -> Principal | None:
    """The application's principal if the secret is one of its unexpired ones. An unknown client costs the same."""
    salts = list(
        ClientSecret.objects.filter(
            application__client_id=client_id, application__user__is_active=True, expires__gt=now
        ).values_list("salt", "digest")
    )
    good = False
    for salt, digest in salts or [(bytes(16), bytes(32))]:
        good |= hmac.compare_digest(hash_secret(bytes(salt), secret), bytes(digest))
    return find_application(client_id=client_id) if good and salts else None


def hash_secret(salt: bytes, secret: str) -> bytes:
    """Salted SHA-256 of a client secret, which has 256 random bits (see `ClientSecret`)."""
    return hashlib.sha256(salt + secret.encode("utf-8", "surrogatepass")).digest()


def person(user: User) -> Principal:
    """The principal of a signed-in person."""
    return Principal(
        id=user.pk,
        kind=PrincipalKind.PERSON,
        name=user.username,
        tenant_id=get_organisation().tenant_id,
        duty=Duty(user.duty) if user.duty else None,
    )


def get_application(*, name: str) -> ApplicationIdentity:
    """By client id or name; an id is never read as somebody's name. Raises `ApplicationNotFound`."""
    rows = ApplicationIdentity.objects.select_related("user")
    try:
        found = rows.filter(client_id=UUID(name)).first()
    except ValueError:
        found = rows.filter(name=name).first()
    if found is None:
        raise ApplicationNotFound(_no_application(name))
    return found


def get_person(*, username: str) -> User:
    """Raises `ApplicationNotFound` when nobody has that name."""
    user = User.objects.filter(username=username, kind="person").first()
    if user is None:
        raise ApplicationNotFound(f"There is no person '{username[:150]}'.")
    return user


def get_person_by_id(*, person_id: UUID) -> User:
    """Raises `ApplicationNotFound` when nobody has that id."""
    user = User.objects.filter(pk=person_id, kind="person").first()
    if user is None:
        raise ApplicationNotFound("There is no such person.")
    return user


def is_name_taken(*, name: str) -> bool:
    """Whether a person or an application is called so, in whatever case: two must not be read as one."""
    people = User.objects.filter(kind="person", username__iexact=name)
    return people.exists() or ApplicationIdentity.objects.filter(name__iexact=name).exists()


def list_applications(*, owner_id: UUID | None = None) -> list[ApplicationIdentity]:
    """All application identities by name, or those of one developer."""
    rows = ApplicationIdentity.objects.select_related("user").order_by("name")
    return list(rows if owner_id is None else rows.filter(owner_id=owner_id))


def application_names() -> dict[str, str]:
    """The name of each application by its client id, which records and counters have."""
    return {str(row.client_id): row.name for row in list_applications()}


def clients_called(*, name: str) -> list[str]:
    """Client ids of the applications of that name, however it is capitalised: names may differ in that alone."""
    rows = ApplicationIdentity.objects.filter(name__iexact=name).order_by("created")
    return [str(client_id) for client_id in rows.values_list("client_id", flat=True)]


def check_may_know(principal: Principal, application: ApplicationIdentity) -> None:
    """Raise `ApplicationNotFound`, as for one that does not exist, when a developer asks for somebody else's."""
    if principal.duty is Duty.DEVELOPER and application.owner_id != principal.id:
        raise ApplicationNotFound(_no_application(str(application.client_id)))


def get_application_for(principal: Principal, *, name: str) -> ApplicationIdentity:
    """By name or client id, one that the principal may know of. Raises `ApplicationNotFound`."""
    found = get_application(name=name)
    if principal.duty is Duty.DEVELOPER and found.owner_id != principal.id:
        raise ApplicationNotFound(_no_application(name))
    return found


def get_assignee(principal: Principal, *, name: str) -> tuple[UUID, str]:
    """(id, name) of whom a role can be given: an application, or `person:NAME` for a developer.

    A developer gives roles to their own applications only. Raises `ApplicationNotFound`.
    """
    kind, colon, username = name.partition(":")
    if not colon or kind != PERSON or principal.duty is Duty.DEVELOPER:
        found = get_application_for(principal, name=name)
        return found.user_id, found.name
    user = get_person(username=username)
    if user.duty != Duty.DEVELOPER.value:
        raise ApplicationNotFound(f"{username[:150]} is not a developer; only developers can have roles in vaults.")
    return user.pk, f"{PERSON}:{user.username}"


def developer_names() -> list[str]:
    """Every developer who may sign in, as `get_assignee` takes them."""
    rows = User.objects.filter(kind="person", duty=Duty.DEVELOPER.value, is_active=True).order_by("username")
    return [f"{PERSON}:{username}" for username in rows.values_list("username", flat=True)]


def assignee_names(ids: Iterable[UUID]) -> dict[UUID, str]:
    """What `get_assignee` calls them."""
    wanted = list(ids)
    people = User.objects.filter(pk__in=wanted, kind="person").values_list("pk", "username")
    applications = ApplicationIdentity.objects.filter(pk__in=wanted).values_list("pk", "name")
    return {**{pk: f"{PERSON}:{username}" for pk, username in people}, **dict(applications)}


def _no_application(name: str) -> str:
    return f"There is no application identity '{name[:128]}'."


def _principal(row: ApplicationIdentity) -> Principal:
    return Principal(
        id=row.user_id,
        kind=PrincipalKind.APPLICATION,
        name=row.name,
        tenant_id=get_organisation().tenant_id,
        client_id=str(row.client_id),
    )


def principal_of(application: ApplicationIdentity) -> Principal:
    """The principal of an application identity, active or not."""
    return _principal(application)


def list_client_secrets(*, application: ApplicationIdentity) -> list[ClientSecret]:
    """Its credentials, the one that expires first first; what we keep of them tells nothing."""
    return list(ClientSecret.objects.filter(application=application).order_by("expires"))


def list_people() -> list[User]:
    """Everybody by name."""
    return list(User.objects.filter(kind="person").order_by("username"))


def find_principal(*, name: str) -> Principal:
    """An application by name or client id, or a person by name. Raises `ApplicationNotFound`."""
    try:
        return principal_of(get_application(name=name))
    except ApplicationNotFound:
        return person(get_person(username=name))
