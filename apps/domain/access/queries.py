"""Queries of role assignments. The rows are django-guardian's; the meaning of a role is `roles.ROLES`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from guardian.models import GroupObjectPermission, UserObjectPermission

from apps.core.change_feed import Topic
from apps.core.errors import NotFound
from apps.core.leased_cache import LeasedCache
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ROLES

# The Django model of each object type of a `Scope`: access knows the names, not the apps.
CONTENT_TYPES = {
    "vault": ("vaults", "vault"),
    "key": ("keys", "key"),
    "secret": ("secrets", "secret"),
    "certificate": ("certificates", "certificate"),
}

# Roles in the organisation (`Role.everywhere`) hold for every vault. The object of their rows is the organisation's.
ORGANISATION = "organisation"
_ORGANISATION_TYPE = ("identity", "organisation")

_decisions: LeasedCache[frozenset[Permission]] = LeasedCache(Topic.ROLES, maxsize=50_000)


class GroupNotFound(NotFound):
    """No group has that name."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role of a principal, or of a group, at one object. `group` is "" for a principal's own."""

    principal_id: UUID | None
    group: str
    role: str
    object_type: str
    object_id: str


def permissions_of(
    *, principal_id: UUID, vault_id: UUID | None, object_type: str = "", object_id: UUID | None = None
) -> frozenset[Permission]:
    """Return all permissions of the principal at the object, by assignments there, at its vault or everywhere.

    Without a vault: those in the organisation.

    A change counts within a second.
    """
    return _decisions.get(
        (principal_id, vault_id, object_id),
        lambda: _load(principal_id, vault_id, object_type, object_id),
    )


def list_assignments(*, targets: Mapping[str, Any]) -> list[Assignment]:
    """List the assignments at the given objects: those of principals, then those of groups, each oldest first.

    `targets`: object type to ids as text, a list or a subquery.
    """
    matches = Q(pk__in=[])
    for object_type, object_ids in targets.items():
        content_type = ContentType.objects.get_by_natural_key(*CONTENT_TYPES[object_type])
        matches |= Q(content_type=content_type, object_pk__in=object_ids)
    return [*_own(matches), *_by_group(matches)]


def list_assignments_of(*, principal_id: UUID) -> list[Assignment]:
    """List the assignments of a principal anywhere: its own, then those of its groups."""
    return [*_own(Q(user_id=principal_id)), *_by_group(Q(group__user=principal_id))]


def list_assignments_of_group(*, group: Group) -> list[Assignment]:
    """List the assignments of a group anywhere."""
    return _by_group(Q(group_id=group.pk))


def list_groups() -> list[Group]:
    """List all groups by name."""
    return list(Group.objects.order_by("name"))


def get_group(*, name: str) -> Group:
    """Return the group; case does not matter. Raises `GroupNotFound`."""
    group = Group.objects.filter(name__iexact=name).first()
    if group is None:
        raise GroupNotFound(f"There is no group '{name[:127]}'.")
    return group


def list_members(*, group: Group) -> frozenset[UUID]:
    """Return the ids of a group's members."""
    return frozenset(group.user_set.values_list("pk", flat=True))


def members_by_group() -> dict[str, frozenset[UUID]]:
    """Map the name of each group that has members to their ids."""
    groups: dict[str, set[UUID]] = {}
    for name, member in Group.objects.filter(user__isnull=False).values_list("name", "user"):
        groups.setdefault(name, set()).add(member)
    return {name: frozenset(members) for name, members in groups.items()}


def has_role(*, principal_ids: Any) -> bool:
    """Tell whether any of these principals has a role, of its own or by a group. `principal_ids`: a subquery."""
    known = {"permission__codename__in": list(ROLES)}
    return (
        UserObjectPermission.objects.filter(user_id__in=principal_ids, **known).exists()
        or GroupObjectPermission.objects.filter(group__user__in=principal_ids, **known).exists()
    )


def list_all_effective_assignments(*, principal_id: UUID) -> list[Assignment]:
    """List every assignment that counts for an active principal anywhere: its own, then those of its groups."""
    own = Q(user_id=principal_id, user__is_active=True)
    member = Q(group__user=principal_id, group__user__is_active=True)
    return [row for row in (*_own(own), *_by_group(member)) if row.role in ROLES and row.object_type in CONTENT_TYPES]


def invalidate_decisions() -> None:
    """Make this process see its own change at once; others see it within a second."""
    _decisions.clear()


def list_effective_assignments(
    *, principal_id: UUID, vault_id: UUID | None, object_type: str = "", object_id: UUID | None = None
) -> list[Assignment]:
    """List every assignment that counts at an object or its vault: the principal's own and those of its groups."""
    matches = _everywhere()
    if vault_id is not None:
        matches |= _at("vault", vault_id)
    if object_id is not None:
        matches |= _at(object_type, object_id)
    own = Q(user_id=principal_id, user__is_active=True)
    member = Q(group__user=principal_id, group__user__is_active=True)
    return [*_own(matches & own), *_by_group(matches & member)]


def list_managers() -> list[Assignment]:
    """List the assignments in the organisation, oldest first."""
    return _own(_everywhere())


def _load(principal_id: UUID, vault_id: UUID | None, object_type: str, object_id: UUID | None) -> frozenset[Permission]:
    allowed: set[Permission] = set()
    for assignment in list_effective_assignments(
        principal_id=principal_id, vault_id=vault_id, object_type=object_type, object_id=object_id
    ):
        role = ROLES.get(assignment.role)  # a row whose role this version does not know allows nothing
        if role is not None:
            allowed |= role.permissions
    return frozenset(allowed)


def _own(matches: Q) -> list[Assignment]:
    rows = UserObjectPermission.objects.filter(matches).order_by("pk")
    columns = rows.values_list("user_id", "permission__codename", "content_type__model", "object_pk")
    return [Assignment(user, "", *rest) for user, *rest in columns]


def _by_group(matches: Q) -> list[Assignment]:
    rows = GroupObjectPermission.objects.filter(matches).order_by("pk")
    columns = rows.values_list("group__name", "permission__codename", "content_type__model", "object_pk")
    return [Assignment(None, group, *rest) for group, *rest in columns]


def organisation_type() -> ContentType:
    """Return the content type of the object of roles in the organisation."""
    return ContentType.objects.get_by_natural_key(*_ORGANISATION_TYPE)


def _everywhere() -> Q:
    return Q(content_type=organisation_type())


def _at(object_type: str, object_id: UUID) -> Q:
    content_type = ContentType.objects.get_by_natural_key(*CONTENT_TYPES[object_type])
    return Q(content_type=content_type, object_pk=str(object_id))
