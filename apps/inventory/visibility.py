"""What a person may know of. A developer knows of what they have a role at, and of nothing else: no name, no number.

Security operations and auditors know of everything; for them these functions leave nothing out.
"""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from apps.access.duties import DUTY_PERMISSIONS, allows_with
from apps.access.grants import Scope, held_at
from apps.access.permissions import Permission
from apps.access.queries import reach_of
from apps.certificates.models import Certificate
from apps.core.errors import VaultError
from apps.core.principals import Duty, Principal
from apps.inventory.queries import KINDS, SINGULAR, Hit, missing_object, search
from apps.inventory.targets import find_target
from apps.keys.models import Key
from apps.secrets.models import Secret
from apps.vaults.models import Vault
from apps.vaults.queries import VaultNotFound, find_vaults, get_vault, list_vaults, missing

_MODELS: dict[str, type[Any]] = {"key": Key, "secret": Secret, "certificate": Certificate}


@dataclass(frozen=True, slots=True)
class Reach:
    """The vaults that a person has a role at, and in others the objects: id of the vault to (object type, id)."""

    vaults: frozenset[UUID]
    objects: dict[UUID, frozenset[tuple[str, UUID]]]

    def knows(self, vault_id: UUID) -> bool:
        return vault_id in self.vaults or vault_id in self.objects


def reach(principal: Principal) -> Reach:
    """From the person's role assignments as they are now."""
    vaults: set[UUID] = set()
    found: dict[UUID, set[tuple[str, UUID]]] = {}
    by_type: dict[str, list[str]] = {}
    for object_type, object_id in reach_of(principal_id=principal.id):
        by_type.setdefault(object_type, []).append(object_id)
    vaults.update(UUID(object_id) for object_id in by_type.pop("vault", ()))
    for object_type, ids in by_type.items():
        rows = _MODELS[object_type]._default_manager.filter(pk__in=ids)  # noqa: SLF001  Django's name
        for pk, vault_id in rows.values_list("pk", "vault_id"):
            found.setdefault(vault_id, set()).add((object_type, pk))
    return Reach(frozenset(vaults), {vault: frozenset(objects) for vault, objects in found.items()})


def is_limited(principal: Principal) -> bool:
    """Whether there may be things that the person must not know of."""
    return principal.duty is Duty.DEVELOPER


def vaults_of(principal: Principal) -> list[Vault]:
    """The vaults that the person may know of, by name."""
    if not is_limited(principal):
        return list_vaults()
    mine = reach(principal)
    return find_vaults(ids={*mine.vaults, *mine.objects})


def check_vault(principal: Principal, *, name: str) -> Vault:
    """The vault. Raises `VaultNotFound`, the same for one that does not exist and for one of somebody else."""
    vault = get_vault(name=name)
    if is_limited(principal) and not reach(principal).knows(vault.pk):
        raise VaultNotFound(missing(name))
    return vault


def visible(principal: Principal, vault: Vault, kind: str, rows: list[Any]) -> list[Any]:
    """Those of a vault's objects that the person may know of."""
    ids = only_ids(principal, vault, kind)
    return rows if ids is None else [row for row in rows if row.pk in ids]


def only_ids(principal: Principal, vault: Vault, kind: str) -> list[UUID] | None:
    """The ids that a list of the vault's objects is limited to; None: all of them."""
    if not is_limited(principal):
        return None
    mine, scope, singular = reach(principal), Scope(vault.pk, vault.name), SINGULAR[kind]
    if vault.pk in mine.vaults and knows_kind(principal, scope, kind):
        return None
    ids = [pk for object_type, pk in mine.objects.get(vault.pk, ()) if object_type == singular]
    return [pk for pk in ids if knows_kind(principal, replace(scope, object_type=singular, object_id=pk), kind)]


def refused(principal: Principal, scope: Scope, error: VaultError) -> VaultError:
    """What a person is told instead of "you may not", where that would tell that something exists."""
    if not is_limited(principal) or scope.vault_id is None:
        return error
    if scope.object_name and not knows_kind(principal, scope, f"{scope.object_type}s"):
        return missing_object(scope.object_type, scope.object_name, vault_name=scope.vault_name)
    return (
        error if reach(principal).knows(scope.vault_id) else VaultNotFound("There is nothing here, or it is not yours.")
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


def search_for(principal: Principal, *, text: str, limit: int) -> list[Hit]:
    """Names that contain the text, of what the person may know of; a developer finds vaults and objects of theirs."""
    if not is_limited(principal):
        return search(text=text, limit=limit)
    text = text.strip().lower().rpartition("/")[2]
    if not text:
        return []
    hits = []
    for vault in vaults_of(principal):
        if text in vault.name.lower():
            hits.append(Hit("vaults", vault.name))
        for kind, model in KINDS.items():
            rows = model._default_manager.filter(vault=vault, deleted__isnull=True, current__isnull=False)  # noqa: SLF001
            rows = rows.filter(managed=False, folded_name__contains=text).order_by("folded_name")
            ids = only_ids(principal, vault, kind)
            rows = rows if ids is None else rows.filter(pk__in=ids)
            hits += [Hit(kind, name, vault.name) for name in rows.values_list("name", flat=True)[:limit]]
    return sorted(hits, key=lambda hit: not hit.name.lower().startswith(text))[:limit]


def may(principal: Principal, permission: Permission, scope: Scope) -> bool:
    """Whether a person may do it there: for showing or leaving out a button; acts ask `authorize` again."""
    if principal.duty is None:
        return False
    return permission in DUTY_PERMISSIONS[principal.duty] or allows_with(
        principal.duty, permission, held_at(principal, scope)
    )
