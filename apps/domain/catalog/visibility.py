"""What a person may know of. A developer knows of what they have a role at, and of nothing else: no name, no number.

Security operations and auditors know of everything; for them these functions leave nothing out.
"""

from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID

from django.db.models import Q, Value
from django.db.models.functions import StrIndex

from apps.core.errors import VaultError
from apps.core.principals import Duty, Principal
from apps.domain.access.grants import Scope, held_at
from apps.domain.access.permissions import Permission
from apps.domain.access.person_roles import DUTY_PERMISSIONS, allows_with
from apps.domain.access.queries import reach_of
from apps.domain.access.roles import ROLES
from apps.domain.catalog.queries import KINDS, SINGULAR, SearchResult, missing_object, search
from apps.domain.catalog.role_targets import find_target
from apps.domain.certificates.models import Certificate
from apps.domain.keys.models import Key
from apps.domain.secrets.models import Secret
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import VaultNotFound, find_vaults, get_vault, list_vaults, not_found

_MODELS: dict[str, type[Any]] = {"key": Key, "secret": Secret, "certificate": Certificate}


@dataclass(frozen=True, slots=True)
class VisibleObjects:
    """The vaults that a person has a role at, and in others the objects: id of the vault to (object type, id).

    `kinds`: by the id of a vault or an object, the kinds of objects that roles there are about, those of groups too.
    """

    vaults: frozenset[UUID]
    objects: dict[UUID, frozenset[tuple[str, UUID]]]
    kinds: dict[UUID, frozenset[str]]

    def knows(self, vault_id: UUID) -> bool:
        return vault_id in self.vaults or vault_id in self.objects

    def ids(self, vault_id: UUID, kind: str) -> frozenset[UUID] | None:
        """The objects of a vault that the person may know of; None: all of them."""
        if vault_id in self.vaults and self._has(kind, vault_id):
            return None
        mine = (pk for object_type, pk in self.objects.get(vault_id, ()) if object_type == SINGULAR[kind])
        return frozenset(pk for pk in mine if self._has(kind, vault_id) or self._has(kind, pk))

    def _has(self, kind: str, place: UUID) -> bool:
        return kind in self.kinds.get(place, ())


def visible_objects(principal: Principal) -> VisibleObjects:
    """From the person's role assignments as they are now."""
    kinds: dict[UUID, set[str]] = {}
    own: dict[str, set[UUID]] = {}
    for row in reach_of(principal_id=principal.id):
        place = UUID(row.object_id)
        kinds.setdefault(place, set()).update(held.partition("/")[0] for held in ROLES[row.role].permissions)
        if not row.group:
            own.setdefault(row.object_type, set()).add(place)
    vaults, objects = own.pop("vault", set()), dict[UUID, set[tuple[str, UUID]]]()
    for object_type, ids in own.items():
        rows = _MODELS[object_type]._default_manager.filter(pk__in=ids)  # noqa: SLF001  Django's name
        for pk, vault_id in rows.values_list("pk", "vault_id"):
            objects.setdefault(vault_id, set()).add((object_type, pk))
    return VisibleObjects(
        frozenset(vaults),
        {vault: frozenset(found) for vault, found in objects.items()},
        {place: frozenset(found) for place, found in kinds.items()},
    )


def is_limited(principal: Principal) -> bool:
    """Whether there may be things that the person must not know of."""
    return principal.duty is Duty.DEVELOPER


def vaults_of(principal: Principal) -> list[Vault]:
    """The vaults that the person may know of, by name."""
    if not is_limited(principal):
        return list_vaults()
    mine = visible_objects(principal)
    return find_vaults(ids={*mine.vaults, *mine.objects})


def check_vault(principal: Principal, *, name: str) -> Vault:
    """The vault. Raises `VaultNotFound`, the same for one that does not exist and for one of somebody else."""
    vault = get_vault(name=name)
    if is_limited(principal) and not visible_objects(principal).knows(vault.pk):
        raise VaultNotFound(not_found(name))
    return vault


def only_ids(principal: Principal, vault: Vault, kind: str) -> frozenset[UUID] | None:
    """The ids that a list of the vault's objects is limited to; None: all of them."""
    return visible_objects(principal).ids(vault.pk, kind) if is_limited(principal) else None


def refused(principal: Principal, scope: Scope, error: VaultError) -> VaultError:
    """What a person is told instead of "you may not", where that would tell that something exists."""
    if not is_limited(principal) or scope.vault_id is None:
        return error
    if scope.object_name and not knows_kind(principal, scope, f"{scope.object_type}s"):
        return missing_object(scope.object_type, scope.object_name, vault_name=scope.vault_name)
    return (
        error
        if visible_objects(principal).knows(scope.vault_id)
        else VaultNotFound("Not found, or not available to you.")
    )


def knows_kind(principal: Principal, scope: Scope, kind: str) -> bool:
    """Whether the person may do anything at all there with objects of the kind; whoever may not knows of none."""
    return not is_limited(principal) or any(held.startswith(f"{kind}/") for held in held_at(principal, scope))


def knows_named(principal: Principal, vault: Vault, object_id: str) -> bool:
    """Whether the person may know of what records call `keys/<name>`; of anything in the vault when it is empty."""
    kind, _slash, rest = object_id.partition("/")
    if kind not in KINDS:
        return True
    singular, name = SINGULAR[kind], rest.partition("/")[0]
    return knows_kind(principal, Scope(vault.pk, vault.name, singular, name, find_target(vault, singular, name)), kind)


def search_for(principal: Principal, *, text: str, limit: int) -> list[SearchResult]:
    """Names that contain the text, of what the person may know of; a developer finds vaults and objects of theirs."""
    if not is_limited(principal):
        return search(text=text, limit=limit)
    text = text.strip().lower().rpartition("/")[2]
    if not text:
        return []
    mine = visible_objects(principal)
    vaults = {vault.pk: vault.name for vault in find_vaults(ids={*mine.vaults, *mine.objects})}
    hits = [SearchResult("vaults", name) for name in vaults.values() if text in name.lower()]
    for kind, model in KINDS.items():
        known = {vault_id: mine.ids(vault_id, kind) for vault_id in vaults}
        whole = [vault_id for vault_id, ids in known.items() if ids is None]
        rows = model._default_manager.filter(Q(vault__in=whole) | Q(pk__in=chain(*filter(None, known.values()))))  # noqa: SLF001
        rows = rows.filter(deleted__isnull=True, current__isnull=False, managed=False, folded_name__contains=text)
        rows = rows.order_by(StrIndex("folded_name", Value(text)), "folded_name")  # prefixes first
        hits += [
            SearchResult(kind, name, vaults[vault_id]) for name, vault_id in rows.values_list("name", "vault")[:limit]
        ]
    return sorted(hits, key=lambda hit: not hit.name.lower().startswith(text))[:limit]


def is_allowed(principal: Principal, permission: Permission, scope: Scope) -> bool:
    """Whether a person may do it there: for showing or leaving out a button; acts ask `authorize` again."""
    if principal.duty is None:
        return False
    return permission in DUTY_PERMISSIONS[principal.duty] or allows_with(
        principal.duty, permission, held_at(principal, scope)
    )
