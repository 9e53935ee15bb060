"""The objects that a person may know of. A developer knows of what they have a role at, and of nothing else.

Security operations and auditors know of everything; for them `visible_to` leaves nothing out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self, TypeVar
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Q

from apps.core.principals import PersonRole, Principal
from apps.domain.access.queries import CONTENT_TYPES, list_all_effective_assignments
from apps.domain.access.roles import ROLES

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class VisibleObjects:
    """The vaults that a person has a role at, and in others the objects: id of the vault to (object type, id).

    `kinds`: by the id of a vault or an object, the kinds of objects that roles there are about, those of groups too.
    `everything`: nothing is hidden, and the rest is empty.
    """

    vaults: frozenset[UUID] = frozenset()
    objects: Mapping[UUID, frozenset[tuple[str, UUID]]] = field(default_factory=dict)
    kinds: Mapping[UUID, frozenset[str]] = field(default_factory=dict)
    everything: bool = False

    def knows(self, vault_id: UUID) -> bool:
        return self.everything or vault_id in self.vaults or vault_id in self.objects

    def condition(self, object_type: str) -> Q:
        """The filter of a list of vaults, or of one type of object in them."""
        if self.everything:
            return Q()
        if object_type == "vault":
            return Q(pk__in={*self.vaults, *self.objects})
        kind = f"{object_type}s"
        single = (
            pk
            for vault_id, objects in self.objects.items()
            for held_type, pk in objects
            if held_type == object_type and (self._has(kind, vault_id) or self._has(kind, pk))
        )
        return Q(vault__in=[pk for pk in self.vaults if self._has(kind, pk)]) | Q(pk__in=list(single))

    def _has(self, kind: str, place: UUID) -> bool:
        return kind in self.kinds.get(place, ())


class VisibleQuerySet(models.QuerySet[Row]):
    """The queryset of vaults and of the objects in them."""

    def visible_to(self, viewer: Principal | VisibleObjects) -> Self:
        """Leave out what the person must not know of."""
        visible = viewer if isinstance(viewer, VisibleObjects) else visible_objects(viewer)
        return self.filter(visible.condition(str(self.model._meta.model_name)))  # noqa: SLF001  Django's name


def is_limited(principal: Principal) -> bool:
    """Tell whether there may be things that the person must not know of."""
    return principal.role is PersonRole.DEVELOPER


def visible_objects(principal: Principal) -> VisibleObjects:
    """Read the person's role assignments as they are now."""
    if not is_limited(principal):
        return VisibleObjects(everything=True)
    kinds: dict[UUID, set[str]] = {}
    own: dict[str, set[UUID]] = {}
    for row in list_all_effective_assignments(principal_id=principal.id):
        place = UUID(row.object_id)
        kinds.setdefault(place, set()).update(held.partition("/")[0] for held in ROLES[row.role].permissions)
        if not row.group:
            own.setdefault(row.object_type, set()).add(place)
    vaults = own.pop("vault", set())
    return VisibleObjects(
        frozenset(vaults), _by_vault(own), {place: frozenset(names) for place, names in kinds.items()}
    )


def assigned_objects(principal: Principal, *, vault_id: UUID) -> frozenset[tuple[str, UUID]]:
    """Read at which objects of a vault the principal has a role, of its own or by a group: (object type, id)."""
    ids: dict[str, set[UUID]] = {}
    for row in list_all_effective_assignments(principal_id=principal.id):
        if row.object_type != "vault":
            ids.setdefault(row.object_type, set()).add(UUID(row.object_id))
    return _by_vault(ids).get(vault_id, frozenset())


def _by_vault(ids: Mapping[str, set[UUID]]) -> dict[UUID, frozenset[tuple[str, UUID]]]:
    """Map vaults to the objects in them, for ids of objects by their type."""
    objects: dict[UUID, set[tuple[str, UUID]]] = {}
    for object_type, own in ids.items():
        rows = apps.get_model(*CONTENT_TYPES[object_type])._default_manager.filter(pk__in=own)  # noqa: SLF001  Django's name
        for pk, vault_id in rows.values_list("pk", "vault_id"):
            objects.setdefault(vault_id, set()).add((object_type, pk))
    return {vault: frozenset(found) for vault, found in objects.items()}
