"""Operations on role assignments and groups."""

import re
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.auth.models import Permission as RoleRow
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from guardian.models import GroupObjectPermission, UserObjectPermission

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest, Conflict, Forbidden
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import (
    CONTENT_TYPES,
    ORGANISATION,
    GroupNotFound,
    get_group,
    invalidate_decisions,
    organisation_type,
)
from apps.domain.access.roles import ASSIGNABLE, MANAGER, ROLES

_GROUP_LOCK = 7_419  # the first half of the advisory locks that stand for groups; the second is the row, or 0 for all
_GROUP_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._-]{0,126}\Z")
_PURGE_PERMISSIONS = frozenset(
    {Permission.KEYS_PURGE, Permission.SECRETS_PURGE, Permission.CERTIFICATES_PURGE}
    | {Permission.VAULTS_PURGE, Permission.VAULTS_SWEEP}
)


class UnknownRole(BadRequest):
    """No role of that name in the catalogue, or none that fits the scope."""


class BadGroup(BadRequest):
    """Invalid group name."""


class GroupTaken(Conflict):
    """A group of that name exists already; case does not matter."""


class SelfGrant(Forbidden):
    """A person may not assign a role to themselves."""


def assign_role(*, grant: Grant, assignee: UUID | Group, role: str, object_type: str, object_id: UUID) -> bool:
    """Give a principal or a group a role at a vault or at an object in it. False when it had that already.

    Raises `UnknownRole` and `SelfGrant`. Effective in every process within one second.
    """
    grant.require(Permission.ROLES_ASSIGN)
    check_assignment(grant=grant, assignee=assignee, role=role, object_type=object_type)
    detail = {"assignee": _assignee_name(assignee), "role": role, "level": object_type}
    with recorded_change(grant, Operation.ROLE_ASSIGNMENT_WRITE, invalidate=invalidate_decisions, **detail):
        created: bool
        _, created = _model(assignee).objects.get_or_create(**_row(assignee, role, object_type, object_id))
    return created


def remove_role(*, grant: Grant, assignee: UUID | Group, role: str, object_type: str, object_id: UUID) -> bool:
    """Remove a role. True when there was one. Raises `UnknownRole` and `SelfGrant`."""
    grant.require(Permission.ROLES_ASSIGN)
    check_assignment(grant=grant, assignee=assignee, role=role, object_type=object_type)
    detail = {"assignee": _assignee_name(assignee), "role": role, "level": object_type}
    with recorded_change(grant, Operation.ROLE_ASSIGNMENT_DELETE, invalidate=invalidate_decisions, **detail):
        deleted: int
        deleted, _ = _model(assignee).objects.filter(**_row(assignee, role, object_type, object_id)).delete()
    return deleted > 0


def make_test_vault_owner(*, grant: Grant, vault_id: UUID) -> None:
    """Make the creator of a test vault its owner, in the transaction that creates it."""
    grant.require(Permission.TEST_VAULTS_CREATE)
    UserObjectPermission.objects.get_or_create(**_row(grant.principal.id, "test-vault-owner", "vault", vault_id))
    transaction.on_commit(invalidate_decisions)


def set_manager(*, grant: Grant, principal_id: UUID, organisation_id: UUID, manager: bool) -> bool:
    """Make an application a manager of all vaults, or no longer. True when that is a change.

    `vaults.managers` requires an approval first. Effective in every process within one second.
    """
    grant.require(Permission.MANAGERS_ASSIGN)
    content_type = organisation_type()
    row: dict[str, Any] = {
        "user_id": principal_id,
        "permission": RoleRow.objects.get(content_type=content_type, codename=MANAGER),
        "content_type": content_type,
        "object_pk": str(organisation_id),
    }
    operation = Operation.ROLE_ASSIGNMENT_WRITE if manager else Operation.ROLE_ASSIGNMENT_DELETE
    detail = {"assignee": str(principal_id), "role": MANAGER, "level": ORGANISATION}
    changed: bool
    with recorded_change(grant, operation, invalidate=invalidate_decisions, **detail):
        if manager:
            _, changed = UserObjectPermission.objects.get_or_create(**row)
        else:
            changed = UserObjectPermission.objects.filter(**row).delete()[0] > 0
    return changed


def remove_object_assignments(*, grant: Grant, object_type: str, object_id: UUID) -> int:
    """Remove every assignment at a vault or object that is being purged; call it in that transaction.

    Returns how many.
    """
    if grant.permission not in _PURGE_PERMISSIONS:
        grant.require(Permission.KEYS_PURGE)
    content_type = ContentType.objects.get_by_natural_key(*CONTENT_TYPES[object_type])
    deleted, _ = UserObjectPermission.objects.filter(content_type=content_type, object_pk=str(object_id)).delete()
    by_group, _ = GroupObjectPermission.objects.filter(content_type=content_type, object_pk=str(object_id)).delete()
    return deleted + by_group


def check_assignment(*, grant: Grant, assignee: UUID | Group, role: str, object_type: str) -> None:
    """Raise `UnknownRole` or `SelfGrant` for what cannot be assigned."""
    grant.require(Permission.ROLES_ASSIGN)
    if role not in ROLES or not (ROLES[role].assignable or ROLES[role].policy):
        raise UnknownRole(
            f"There is no role '{role[:80]}'. Roles: {', '.join(sorted(r.codename for r in ASSIGNABLE))}."
        )
    if ROLES[role].vault_only and object_type != "vault":
        raise UnknownRole(f"The role '{role}' can be assigned at a vault only.")
    if assignee == grant.principal.id or _is_member(assignee, grant.principal.id):
        raise SelfGrant("You cannot assign roles to yourself. Ask another member of security operations.")


def create_group(*, grant: Grant, name: str) -> Group:
    """Create a group without members or roles. Raises `BadGroup`, `GroupTaken`."""
    grant.require(Permission.ROLES_ASSIGN)
    if not _GROUP_NAME.match(name):
        raise BadGroup("A group's name has 1 to 127 letters, digits, blanks, dots, hyphens or underscores.")
    with recorded_change(grant, Operation.GROUP_PUT, object_id=f"groups/{name}"):
        _lock_groups(0)  # names that differ only in case are equal, for which there is no constraint
        if Group.objects.filter(name__iexact=name).exists():
            raise GroupTaken(f"There is a group '{name}' already.")
        return Group.objects.create(name=name)


def delete_group(*, grant: Grant, name: str) -> None:
    """Delete a group with its memberships and roles in one transaction. Raises `GroupNotFound`."""
    grant.require(Permission.ROLES_ASSIGN)
    group = get_group(name=name)
    object_id = f"groups/{group.name}"
    with recorded_change(grant, Operation.GROUP_DELETE, object_id=object_id, invalidate=invalidate_decisions):
        lock_group(grant=grant, group=group)
        group.delete()


def lock_group(*, grant: Grant, group: Group) -> None:
    """Lock a group's members and roles until the transaction ends. Raises `GroupNotFound`.

    An approval is for these members with these roles; without the lock two concurrent calls would mix them.
    """
    grant.require(Permission.ROLES_ASSIGN)
    _lock_groups(group.pk)
    if not Group.objects.filter(pk=group.pk).exists():
        raise GroupNotFound(f"There is no group '{group.name}' any more.")


def set_member(*, grant: Grant, group: Group, principal_id: UUID, member: bool) -> None:
    """Add a principal to a group, or remove it. `vaults.role_assignments` requires an approval first.

    Raises `SelfGrant`.
    """
    grant.require(Permission.ROLES_ASSIGN)
    check_member(grant=grant, principal_id=principal_id)
    operation = Operation.GROUP_MEMBER_PUT if member else Operation.GROUP_MEMBER_DELETE
    detail = {"object_id": f"groups/{group.name}", "member": str(principal_id)}
    with recorded_change(grant, operation, invalidate=invalidate_decisions, **detail):
        lock_group(grant=grant, group=group)
        (group.user_set.add if member else group.user_set.remove)(principal_id)  # type: ignore[arg-type]  # the key's type


def check_member(*, grant: Grant, principal_id: UUID) -> None:
    """Raise `SelfGrant` for a person who adds or removes themselves."""
    grant.require(Permission.ROLES_ASSIGN)
    if principal_id == grant.principal.id:
        raise SelfGrant("You cannot add yourself to a group. Ask another member of security operations.")


def _lock_groups(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_GROUP_LOCK, number])


def _is_member(assignee: UUID | Group, principal_id: UUID) -> bool:
    return isinstance(assignee, Group) and assignee.user_set.filter(pk=principal_id).exists()


def _model(assignee: UUID | Group) -> type[Any]:
    return GroupObjectPermission if isinstance(assignee, Group) else UserObjectPermission


def _assignee_name(assignee: UUID | Group) -> str:
    return f"groups/{assignee.name}" if isinstance(assignee, Group) else str(assignee)


def _row(assignee: UUID | Group, role: str, object_type: str, object_id: UUID) -> dict[str, Any]:
    content_type = ContentType.objects.get_by_natural_key(*CONTENT_TYPES[object_type])
    who = {"group_id": assignee.pk} if isinstance(assignee, Group) else {"user_id": assignee}
    return {
        **who,
        "permission": RoleRow.objects.get(content_type=content_type, codename=role),
        "content_type": content_type,
        "object_pk": str(object_id),
    }
