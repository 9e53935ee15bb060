"""Queries over all kinds of objects. No secret value is ever read here."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count

from apps.core.errors import NotFound
from apps.core.principals import Principal
from apps.domain.access.grants import Scope, is_permitted
from apps.domain.access.permissions import Permission
from apps.domain.access.visibility import VisibleObjects, VisibleQuerySet, visible_objects
from apps.domain.certificates.models import Certificate
from apps.domain.identity.models import ApplicationIdentity, User
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.secrets.models import Secret
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault

KINDS: dict[str, type[Any]] = {"keys": Key, "secrets": Secret, "certificates": Certificate}
SINGULAR = {"keys": "key", "secrets": "secret", "certificates": "certificate"}


class ObjectNotFound(NotFound):
    """No object of that kind and name in the vault, live or deleted."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A search result. `kind`: vaults, keys, secrets, certificates, applications or people."""

    kind: str
    name: str
    vault: str = ""


def list_objects(
    *, principal: Principal, vault: Vault, kind: str, search: str = "", after: str = "", limit: int
) -> list[Any]:
    """List objects by name with their current versions, deleted ones too. `after`: last folded name so far."""
    rows = _rows(kind).visible_to(principal).filter(vault=vault, folded_name__gt=after.replace("\0", ""))
    if search:
        rows = rows.filter(folded_name__contains=search.lower().replace("\0", ""))
    return list(rows.order_by("folded_name")[:limit])


def get_object(*, vault: Vault, kind: str, name: str) -> Any:
    """Return the object with its current version, live or deleted. Raises `ObjectNotFound`."""
    row = _rows(kind).filter(vault=vault, folded_name=name.lower()).first() if kind in KINDS else None
    if row is None:
        raise object_not_found(SINGULAR.get(kind, "object"), name, vault_name=vault.name)
    return row


def object_not_found(singular: str, name: str, *, vault_name: str) -> ObjectNotFound:
    """Make the error for an absent object and for a hidden one: the same bytes.

    The name is in lower case, since its original case would reveal that the object exists.
    """
    return ObjectNotFound(f"There is no {singular} '{name[:127].lower()}' in vault {vault_name}.")


def find_object(*, vault_name: str, kind: str, name: str) -> tuple[Vault, Any]:
    """Return the vault and the object. Raises `VaultNotFound`, `ObjectNotFound`."""
    vault = get_vault(name=vault_name)
    return vault, get_object(vault=vault, kind=kind, name=name)


def permission_for(kind: str, act: str) -> Permission:
    """Return the permission of list, update, delete, recover or purge for a kind of object (`KINDS`)."""
    return Permission(f"{kind}/{act}")


def scope_of(vault: Vault, kind: str, row: Any) -> Scope:
    """Return the scope of an object."""
    return Scope.of(vault, SINGULAR[kind], row.name, row.pk)


def versions_of(row: Any, *, limit: int) -> list[Any]:
    """List the newest versions of an object, the newest first."""
    versions = row.versions.order_by("-created", "-pk")
    if isinstance(row, Key):
        versions = versions.filter(state=KeyVersion.State.READY)
    if isinstance(row, Secret):
        versions = versions.defer("sealed")
    return list(versions[:limit])


def counts_by_vault() -> dict[UUID, dict[str, int]]:
    """Count the live objects of each kind in every vault, zeros included."""
    found = {vault_id: dict.fromkeys(KINDS, 0) for vault_id in Vault.objects.values_list("pk", flat=True)}
    for kind, model in KINDS.items():
        live = model._default_manager.filter(deleted__isnull=True, managed=False)  # noqa: SLF001  Django's name
        for vault_id, count in live.values_list("vault_id").annotate(n=Count("pk")):
            found.setdefault(vault_id, dict.fromkeys(KINDS, 0))[kind] = count  # made just now
    return found


def list_deleted(*, principal: Principal, limit: int) -> list[tuple[str, Any]]:
    """List (kind, object) of what can still be recovered, the next to be purged first."""
    visible = visible_objects(principal)
    deleted: list[tuple[str, Any]] = []
    for kind in KINDS:
        rows = _rows(kind).visible_to(visible).filter(deleted__isnull=False, managed=False)
        deleted += [(kind, row) for row in rows.order_by("purge_after")[:limit]]
    return sorted(deleted, key=lambda pair: pair[1].purge_after)[:limit]


def deleted_by(principal: Principal, kind: str, row: Any) -> str:
    """Return who deleted an object, for those who may recover it; else ""."""
    allowed = is_permitted(principal, permission_for(kind, "recover"), scope_of(row.vault, kind, row))
    return str(row.deleted_by) if allowed else ""


def search(*, principal: Principal, text: str, limit: int) -> list[SearchResult]:
    """Find vaults, objects, applications and people whose names contain the text; prefixes first.

    A developer finds their vaults and objects only.
    """
    text = text.replace("\0", "").strip().lower().rpartition("/")[2]
    if not text:
        return []
    visible = visible_objects(principal)
    vaults = Vault.objects.visible_to(visible).filter(deleted__isnull=True, name__icontains=text).order_by("name")
    hits = [SearchResult("vaults", name) for name in vaults.values_list("name", flat=True)[:limit]]
    for kind in KINDS:
        hits += [SearchResult(kind, row.name, row.vault.name) for row in _search_objects(visible, kind, text, limit)]
    if visible.everything:
        hits += _search_identities(text, limit)
    return sorted(hits, key=lambda hit: not hit.name.lower().startswith(text))[:limit]


def _search_identities(text: str, limit: int) -> list[SearchResult]:
    applications = ApplicationIdentity.objects.filter(name__icontains=text).values_list("name", flat=True)[:limit]
    people = User.objects.filter(kind="person", username__icontains=text).values_list("username", flat=True)[:limit]
    return [
        *(SearchResult("applications", name) for name in applications),
        *(SearchResult("people", name) for name in people),
    ]


def _search_objects(visible: VisibleObjects, kind: str, text: str, limit: int) -> list[Any]:
    """Search by prefix, which the index serves, and only when that is not enough anywhere in the name."""
    rows = _rows(kind).visible_to(visible).filter(deleted__isnull=True, managed=False).order_by("folded_name")
    hits = list(rows.filter(folded_name__startswith=text)[:limit])
    if len(hits) < limit:
        known = [row.pk for row in hits]
        hits += rows.filter(folded_name__contains=text).exclude(pk__in=known)[: limit - len(hits)]
    return hits


def _rows(kind: str) -> VisibleQuerySet[Any]:
    rows: VisibleQuerySet[Any] = KINDS[kind]._default_manager.select_related("vault__world", "current")  # noqa: SLF001  Django's name
    rows = rows.filter(current__isnull=False, vault__deleted__isnull=True)
    return rows.defer("current__sealed") if kind == "secrets" else rows
