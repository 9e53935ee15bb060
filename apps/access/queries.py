"""Reading role assignments. The rows are django-guardian's; the meaning of a role is `roles.ROLES`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from guardian.models import GroupObjectPermission, UserObjectPermission

from apps.access.permissions import Permission
from apps.access.roles import ROLES
from apps.core.cache import ShortMemory

# Where each word of a `Scope` lives as a Django model; access knows the names, not the apps.
CONTENT_TYPES = {
    "vault": ("vaults", "vault"),
    "key": ("keys", "key"),
    "secret": ("secrets", "secret"),
    "certificate": ("certificates", "certificate"),
}

_decisions: ShortMemory[frozenset[Permission]] = ShortMemory(maxsize=50_000)


def permissions_of(
    *, principal_id: UUID, vault_id: UUID, object_type: str = "", object_id: UUID | None = None
) -> frozenset[Permission]:
    """Everything the principal may do at the object, by assignments there or at its vault. At most 1 s old."""
    return _decisions.get(
        (principal_id, vault_id, object_id),
        lambda: _load(principal_id, vault_id, object_type, object_id),
    )


def list_assignments(*, targets: Mapping[str, Any]) -> list[UserObjectPermission]:
    """The assignments at the given objects, oldest first.

    `targets`: object type to ids as text, a list or a subquery.
    """
    matches = Q(pk__in=[])
    for object_type, object_ids in targets.items():
        content_type = ContentType.objects.get_by_natural_key(*CONTENT_TYPES[object_type])
        matches |= Q(content_type=content_type, object_pk__in=object_ids)
    return list(UserObjectPermission.objects.filter(matches).select_related("permission", "user").order_by("pk"))


def list_assignments_of(*, principal_id: UUID) -> list[UserObjectPermission]:
    """The principal's own assignments, anywhere."""
    rows = UserObjectPermission.objects.filter(user_id=principal_id)
    return list(rows.select_related("permission", "content_type"))


def reach_of(*, principal_id: UUID) -> list[tuple[str, str]]:
    """(object type, id) of everything that the principal has a role at: what a developer may know of."""
    known = {model: object_type for object_type, (_, model) in CONTENT_TYPES.items()}
    rows = UserObjectPermission.objects.filter(
        user_id=principal_id, user__is_active=True, permission__codename__in=list(ROLES)
    )
    found = rows.values_list("content_type__model", "object_pk").distinct()
    return [(known[model], object_id) for model, object_id in found if model in known]


def forget_decisions() -> None:
    """Let this process see its own change at once; others see it within `STALE_SECONDS`."""
    _decisions.clear()


def roles_at(
    *, principal_id: UUID, vault_id: UUID, object_type: str = "", object_id: UUID | None = None
) -> list[tuple[str, str]]:
    """(object type, role) of every assignment that counts there: the principal's own and those of its groups."""
    matches = _at("vault", vault_id)
    if object_id is not None:
        matches |= _at(object_type, object_id)
    own = UserObjectPermission.objects.filter(matches, user_id=principal_id, user__is_active=True)
    member = Q(group__user=principal_id, group__user__is_active=True)
    by_group = GroupObjectPermission.objects.filter(matches, member)
    columns = ("content_type__model", "permission__codename")
    return [*own.values_list(*columns), *by_group.values_list(*columns)]


def _load(principal_id: UUID, vault_id: UUID, object_type: str, object_id: UUID | None) -> frozenset[Permission]:
    allowed: set[Permission] = set()
    for _, codename in roles_at(
        principal_id=principal_id, vault_id=vault_id, object_type=object_type, object_id=object_id
    ):
        role = ROLES.get(codename)  # a row whose role this version does not know allows nothing
        if role is not None:
            allowed |= role.permissions
    return frozenset(allowed)


def _at(object_type: str, object_id: UUID) -> Q:
    content_type = ContentType.objects.get_by_natural_key(*CONTENT_TYPES[object_type])
    return Q(content_type=content_type, object_pk=str(object_id))
