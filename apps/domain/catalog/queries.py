"""Reading over all kinds of objects. No secret value is ever read here."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from apps.core.errors import NotFound
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.certificates.models import Certificate
from apps.domain.identity.models import ApplicationIdentity, ClientSecret, User
from apps.domain.keys.models import Key, KeyVersion, RotationPolicy
from apps.domain.keys.rotation_policy import due_date
from apps.domain.secrets.models import Secret
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault

KINDS: dict[str, type[Any]] = {"keys": Key, "secrets": Secret, "certificates": Certificate}
SINGULAR = {"keys": "key", "secrets": "secret", "certificates": "certificate"}


class ObjectNotFound(NotFound):
    """No object of that kind and name in the vault, live or deleted."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Something that a search found. `kind`: vaults, keys, secrets, certificates, applications or people."""

    kind: str
    name: str
    vault: str = ""


@dataclass(frozen=True, slots=True)
class UpcomingEvent:
    """Something that happens by itself: an expiry, a rotation, a purge."""

    at: datetime
    what: str  # "expires", "rotates", "is purged"
    kind: str  # keys, secrets, certificates; "applications": a client secret
    vault: str  # of an application: its client id
    name: str
    id: UUID  # of the object, or of the application


def list_objects(
    *, vault: Vault, kind: str, search: str = "", after: str = "", limit: int, ids: Collection[UUID] | None = None
) -> list[Any]:
    """Objects by name with their current versions, deleted ones too. `after`: folded name the last page ended with.

    `ids`: only these; None: all.
    """
    rows = _rows(kind).filter(vault=vault, folded_name__gt=after.replace("\0", ""))
    rows = rows if ids is None else rows.filter(pk__in=ids)
    if search:
        rows = rows.filter(folded_name__contains=search.lower().replace("\0", ""))
    return list(rows.order_by("folded_name")[:limit])


def get_object(*, vault: Vault, kind: str, name: str) -> Any:
    """The object with its current version, live or deleted. Raises `ObjectNotFound`."""
    found = _rows(kind).filter(vault=vault, folded_name=name.lower()).first() if kind in KINDS else None
    if found is None:
        raise missing_object(SINGULAR.get(kind, "object"), name, vault_name=vault.name)
    return found


def missing_object(singular: str, name: str, *, vault_name: str) -> ObjectNotFound:
    """What anybody hears of an object that is not there, and of one that they may not know of: the same bytes.

    In lower case: the name as it was written first would tell that there is one.
    """
    return ObjectNotFound(f"There is no {singular} '{name[:127].lower()}' in vault {vault_name}.")


def find_object(*, vault_name: str, kind: str, name: str) -> tuple[Vault, Any]:
    """The vault and the object. Raises `VaultNotFound`, `ObjectNotFound`."""
    vault = get_vault(name=vault_name)
    return vault, get_object(vault=vault, kind=kind, name=name)


def permission_for(kind: str, act: str) -> Permission:
    """The permission of an act (list, update, delete, recover, purge) on a kind (keys, secrets, certificates)."""
    return Permission(f"{kind}/{act}")


def scope_of(vault: Vault, kind: str, row: Any) -> Scope:
    """An object as the scope of a grant."""
    return Scope.of(vault, SINGULAR[kind], row.name, row.pk)


def versions_of(row: Any, *, limit: int) -> list[Any]:
    """The newest versions of an object, the newest first."""
    versions = row.versions.order_by("-created", "-pk")
    if isinstance(row, Key):
        versions = versions.filter(state=KeyVersion.State.READY)
    if isinstance(row, Secret):
        versions = versions.defer("sealed")
    return list(versions[:limit])


def counts_by_vault() -> dict[UUID, dict[str, int]]:
    """How many live objects of each kind every vault has: a number for every vault and kind."""
    found = {vault_id: dict.fromkeys(KINDS, 0) for vault_id in Vault.objects.values_list("pk", flat=True)}
    for kind, model in KINDS.items():
        live = model._default_manager.filter(deleted__isnull=True, managed=False)  # noqa: SLF001  Django's name
        for vault_id, count in live.values_list("vault_id").annotate(n=Count("pk")):
            found.setdefault(vault_id, dict.fromkeys(KINDS, 0))[kind] = count  # made just now
    return found


def list_deleted(*, limit: int, vaults: Collection[UUID] | None = None) -> list[tuple[str, Any]]:
    """(kind, object) of what can be recovered still, the one that goes first first. `vaults`: as `coming`."""
    found: list[tuple[str, Any]] = []
    for kind in KINDS:
        gone = _rows(kind).filter(deleted__isnull=False, managed=False)
        gone = gone if vaults is None else gone.filter(vault_id__in=vaults)
        found += [(kind, row) for row in gone.order_by("purge_after")[:limit]]
    return sorted(found, key=lambda pair: pair[1].purge_after)[:limit]


def list_upcoming(
    *, now: datetime, days: int, limit: int, vaults: Collection[UUID] | None = None
) -> list[UpcomingEvent]:
    """What expires, rotates or is purged within so many days, the first first.

    `vaults`: only in these, and no applications' secrets; None: all.
    """
    until = now + timedelta(days=days)
    found = []
    for kind in KINDS:
        live = _rows(kind).filter(deleted__isnull=True, managed=False)
        live = live if vaults is None else live.filter(vault_id__in=vaults)
        expiring = live.filter(current__expires__gte=now, current__expires__lt=until).order_by("current__expires")
        found += [
            UpcomingEvent(row.current.expires, "expires", kind, row.vault.name, row.name, row.pk)
            for row in expiring[:limit]
        ]
    policies = RotationPolicy.objects.filter(key__deleted__isnull=True, key__current__isnull=False)
    policies = policies if vaults is None else policies.filter(key__vault_id__in=vaults)
    for policy in policies.select_related("key__current", "key__vault")[:5000]:
        at = due_date(policy, policy.key.current)
        if at is not None and at < until:
            key = policy.key
            found.append(UpcomingEvent(max(at, now), "rotates", "keys", key.vault.name, key.name, key.pk))
    for kind, row in list_deleted(limit=limit, vaults=vaults):
        if row.purge_after < until:
            found.append(UpcomingEvent(row.purge_after, "is purged", kind, row.vault.name, row.name, row.pk))
    secrets = ClientSecret.objects.filter(expires__gte=now, expires__lt=until).order_by("expires")
    secrets = secrets if vaults is None else secrets.none()
    for secret in secrets.select_related("application")[:limit]:
        row = secret.application
        found.append(UpcomingEvent(secret.expires, "expires", "applications", str(row.client_id), row.name, row.pk))
    return sorted(found, key=lambda event: event.at)[:limit]


def search(*, text: str, limit: int) -> list[SearchResult]:
    """Vaults, objects, applications and people whose names contain the text; prefixes first."""
    text = text.replace("\0", "").strip().lower().rpartition("/")[2]
    if not text:
        return []
    vaults = Vault.objects.filter(name__icontains=text).values_list("name", flat=True)[:limit]
    applications = ApplicationIdentity.objects.filter(name__icontains=text).values_list("name", flat=True)[:limit]
    people = User.objects.filter(kind="person", username__icontains=text).values_list("username", flat=True)[:limit]
    objects = chain.from_iterable(
        [SearchResult(kind, row.name, row.vault.name) for row in _found(kind, text, limit)] for kind in KINDS
    )
    hits = [
        *(SearchResult("vaults", name) for name in vaults),
        *objects,
        *(SearchResult("applications", name) for name in applications),
        *(SearchResult("people", name) for name in people),
    ]
    return sorted(hits, key=lambda hit: not hit.name.lower().startswith(text))[:limit]


def _found(kind: str, text: str, limit: int) -> Any:
    """By prefix from the index first; only when that is not enough, anywhere in the name."""
    rows = _rows(kind).filter(deleted__isnull=True, current__isnull=False, managed=False)
    found = list(rows.filter(folded_name__startswith=text)[:limit])
    if len(found) < limit:
        known = [row.pk for row in found]
        found += rows.filter(folded_name__contains=text).exclude(pk__in=known)[: limit - len(found)]
    return found


def _rows(kind: str) -> QuerySet[Any]:
    rows: QuerySet[Any] = KINDS[kind]._default_manager.select_related("vault__world", "current")  # noqa: SLF001  Django's name
    rows = rows.filter(current__isnull=False)
    return rows.defer("current__sealed") if kind == "secrets" else rows
