"""Writing role assignments."""

from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission as RoleRow
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from guardian.models import GroupObjectPermission, UserObjectPermission

from apps.access.grants import Grant
from apps.access.permissions import Permission
from apps.access.queries import CONTENT_TYPES, forget_decisions
from apps.access.recording import append_change
from apps.access.roles import ASSIGNABLE, ROLES
from apps.core.errors import BadRequest, Forbidden

_PURGES = frozenset(
    {Permission.KEYS_PURGE, Permission.SECRETS_PURGE, Permission.CERTIFICATES_PURGE, Permission.VAULTS_SWEEP}
)


class UnknownRole(BadRequest):
    """No role of that name in the catalogue, or none that fits the scope."""


class SelfGrant(Forbidden):
    """Nobody grants themselves anything."""


@transaction.atomic
def assign_role(*, grant: Grant, principal_id: UUID, role: str, object_type: str, object_id: UUID) -> bool:
    """Give a principal a role at a vault or at an object in it. True when it is new, False when it was there already.

    Raises `UnknownRole` and `SelfGrant`. Effective in every process within one second.
    """
    grant.require(Permission.ROLES_ASSIGN)
    check_assignment(grant=grant, principal_id=principal_id, role=role, object_type=object_type)
    _, created = UserObjectPermission.objects.get_or_create(**_row(principal_id, role, object_type, object_id))
    append_change(grant, operation="RoleAssignmentWrite", assignee=str(principal_id), role=role, level=object_type)
    transaction.on_commit(forget_decisions)
    return created


@transaction.atomic
def remove_role(*, grant: Grant, principal_id: UUID, role: str, object_type: str, object_id: UUID) -> bool:
    """Take a role away again. True when there was one. Raises `UnknownRole` and `SelfGrant`."""
    grant.require(Permission.ROLES_ASSIGN)
    check_assignment(grant=grant, principal_id=principal_id, role=role, object_type=object_type)
    deleted, _ = UserObjectPermission.objects.filter(**_row(principal_id, role, object_type, object_id)).delete()
    append_change(grant, operation="RoleAssignmentDelete", assignee=str(principal_id), role=role, level=object_type)
    transaction.on_commit(forget_decisions)
    return deleted > 0


def own_test_vault(*, grant: Grant, vault_id: UUID) -> None:
    """Make whoever makes a test vault its owner; inside the transaction that makes it."""
    grant.require(Permission.TEST_VAULTS_CREATE)
    UserObjectPermission.objects.get_or_create(**_row(grant.principal.id, "test-vault-owner", "vault", vault_id))
    transaction.on_commit(forget_decisions)


def forget_object(*, grant: Grant, object_type: str, object_id: UUID) -> int:
    """Remove every assignment at an object that is being purged; call it in that transaction. Returns how many."""
    if grant.permission not in _PURGES:
        grant.require(Permission.KEYS_PURGE)
    content_type = ContentType.objects.get_by_natural_key(*CONTENT_TYPES[object_type])
    deleted, _ = UserObjectPermission.objects.filter(content_type=content_type, object_pk=str(object_id)).delete()
    by_group, _ = GroupObjectPermission.objects.filter(content_type=content_type, object_pk=str(object_id)).delete()
    return deleted + by_group


def check_assignment(*, grant: Grant, principal_id: UUID, role: str, object_type: str) -> None:
    """Raise `UnknownRole` or `SelfGrant` for what cannot be assigned."""
    grant.require(Permission.ROLES_ASSIGN)
    if role not in ROLES or not ROLES[role].assignable:
        raise UnknownRole(
            f"There is no role '{role[:80]}'. Roles: {', '.join(sorted(r.codename for r in ASSIGNABLE))}."
        )
    if ROLES[role].vault_only and object_type != "vault":
        raise UnknownRole(f"The role '{role}' can be assigned at a vault only.")
    if principal_id == grant.principal.id:
        raise SelfGrant("You cannot assign roles to yourself. Ask a colleague of security operations.")


def _row(principal_id: UUID, role: str, object_type: str, object_id: UUID) -> dict[str, Any]:
    content_type = ContentType.objects.get_by_natural_key(*CONTENT_TYPES[object_type])
    return {
        "user_id": principal_id,
        "permission": RoleRow.objects.get(content_type=content_type, codename=role),
        "content_type": content_type,
        "object_pk": str(object_id),
    }
