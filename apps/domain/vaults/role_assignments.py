"""Assigning and removing roles in a vault, and the members of groups that have some. On a guarded vault gaining
access needs a second person; losing it needs no approval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction

from apps.core.errors import Conflict
from apps.domain.access import operations as access
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import Assignment, list_assignments, list_assignments_of_group, list_members
from apps.domain.access.roles import POLICY, is_policy
from apps.domain.approvals.effects import OpenedRole, effect_of
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import approved_operation, consume, lock_principals, require_approval
from apps.domain.vaults.models import Vault


class GroupChanged(Conflict):
    """The group was changed at the same time."""


@dataclass(frozen=True, slots=True)
class Assignee:
    """The principal or group that gets a role. `description` is for the approver, who decides about these members."""

    who: UUID | Group
    description: str
    members: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Membership:
    """The assignments that `member`, called `name`, would get in a group."""

    group: Group
    member: UUID
    name: str
    assignments: Sequence[Assignment] = ()


def assign_role(
    *, grant: Grant, vault: Vault, assignee: Assignee, role: str, target: tuple[str, UUID, str], now: datetime
) -> bool:
    """Assign a role at a target, (object type, id, name for people). True when it is new.

    Raises `UnknownRole`, `SelfGrant`, `GroupChanged`, `ApprovalRequired`.
    """
    grant.require(Permission.ROLES_ASSIGN, vault_id=vault.pk)
    access.check_assignment(grant=grant, assignee=assignee.who, role=role, object_type=target[0])
    group = assignee.who if isinstance(assignee.who, Group) else None
    principal_id = None if isinstance(assignee.who, Group) else assignee.who
    gets = Assignment(principal_id, group.name if group else "", role, target[0], str(target[1]))
    effect = effect_of(assignments=[gets])
    with approved_operation(
        grant=grant,
        act=GuardedOperation.ROLE_GRANT,
        guarded=effect.guarded,
        subject=target[2] or "the vault",
        change={"who": assignee.description, "role": role, "where": target[2] or "the whole vault"},
        now=now,
        concerns=[target[1]],
        basis={**effect.basis, "group": group.pk if group else None},
        principals=sorted(assignee.members) if principal_id is None else [principal_id],
    ):
        if isinstance(assignee.who, Group):
            access.lock_group(grant=grant, group=assignee.who)
            if list_members(group=assignee.who) != assignee.members:
                raise GroupChanged("The members of this group have just changed. Review them and try again.")
        return access.assign_role(
            grant=grant, assignee=assignee.who, role=role, object_type=target[0], object_id=target[1]
        )


def remove_role(
    *, grant: Grant, vault: Vault, assignee: UUID | Group, role: str, target: tuple[str, UUID, str]
) -> bool:
    """Remove a role, at once: less access needs no approval. `POLICY` is the whole access policy.

    Raises `UnknownRole`, `SelfGrant`.
    """
    grant.require(Permission.ROLES_ASSIGN, vault_id=vault.pk)
    if role == POLICY and isinstance(assignee, UUID):
        rows = list_assignments(targets={"vault": [str(vault.pk)]})
        held = [row.role for row in rows if row.principal_id == assignee and is_policy(row.role)]
        with transaction.atomic():
            for one in held:
                access.remove_role(grant=grant, assignee=assignee, role=one, object_type="vault", object_id=vault.pk)
        return bool(held)
    return access.remove_role(grant=grant, assignee=assignee, role=role, object_type=target[0], object_id=target[1])


def add_member(*, grant: Grant, membership: Membership, now: datetime) -> None:
    """Add a principal to a group. Members get the group's roles: each guarded vault needs an approval.

    Raises `SelfGrant`, `GroupNotFound`, `GroupChanged`, and `ApprovalRequired` after opening a request for each
    guarded vault.
    """
    grant.require(Permission.ROLES_ASSIGN)
    group = membership.group
    access.check_member(grant=grant, principal_id=membership.member)
    opened: dict[Vault, list[OpenedRole]] = {}
    for role in effect_of(assignments=membership.assignments).roles:
        opened.setdefault(role.vault, []).append(role)
    approvals, waiting = [], []
    for vault, roles in opened.items():
        try:
            approvals.append(
                require_approval(
                    grant=grant,
                    act=GuardedOperation.ROLE_GRANT,
                    guarded=True,
                    vault=vault,
                    subject=f"group {group.name}",
                    change={"who": membership.name, "joins": group.name, "gets": sorted(role.text for role in roles)},
                    now=now,
                    concerns=[membership.member],
                    basis={"roles": sorted(role.key for role in roles), "group": group.pk},
                )
            )
        except ApprovalRequired as error:
            waiting.append(error.message)
    if waiting:
        raise ApprovalRequired(" ".join(waiting))
    with transaction.atomic():
        access.lock_group(grant=grant, group=group)
        lock_principals(grant=grant, act=GuardedOperation.ROLE_GRANT, principals=[membership.member])
        if set(list_assignments_of_group(group=group)) != set(membership.assignments):
            raise GroupChanged("The roles of this group have just changed. Review them and try again.")
        for approval in approvals:
            consume(grant=grant, approval=approval, now=now)
        access.set_member(grant=grant, group=group, principal_id=membership.member, member=True)


def remove_member(*, grant: Grant, group: Group, principal_id: UUID) -> None:
    """Remove a principal from a group, at once. Raises `SelfGrant`, `GroupNotFound`."""
    grant.require(Permission.ROLES_ASSIGN)
    access.set_member(grant=grant, group=group, principal_id=principal_id, member=False)
