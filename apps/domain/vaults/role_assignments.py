"""Giving and taking roles in a vault, and who is in a group that has some. On a guarded vault getting access needs a
second person; losing it needs nobody's leave.
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
from apps.domain.access.queries import Assignment, list_assignments_of_group, list_members
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import consume, require_approval, requires_approval
from apps.domain.vaults.models import Vault


class GroupChanged(Conflict):
    """Somebody changed the group while this was asked for."""


@dataclass(frozen=True, slots=True)
class Assignee:
    """Who gets a role: a principal, or a group. `told` is for the approver, who decides about these members."""

    who: UUID | Group
    told: str
    members: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Membership:
    """What a principal, `member` called `name`, would get in a group: its assignments, and where those are guarded."""

    group: Group
    member: UUID
    name: str
    assignments: Sequence[Assignment] = ()
    guarded: Sequence[tuple[Vault, str]] = ()  # (vault, role and where, for people)


def assign_role(
    *, grant: Grant, vault: Vault, assignee: Assignee, role: str, target: tuple[str, UUID, str], now: datetime
) -> bool:
    """Give somebody a role at a target, (object type, id, name for people). True when it is new.

    Raises `UnknownRole`, `SelfGrant`, `GroupChanged`, `SecondPersonNeeded`.
    """
    grant.require(Permission.ROLES_ASSIGN, vault_id=vault.pk)
    access.check_assignment(grant=grant, assignee=assignee.who, role=role, object_type=target[0])
    with requires_approval(
        grant=grant,
        act=GuardedOperation.ROLE_GRANT,
        guarded=vault.production,
        subject=target[2] or "the vault",
        change={"who": assignee.told, "role": role, "where": target[2] or "the whole vault"},
        now=now,
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
    """Take a role away, at once: less access needs nobody's leave. Raises `UnknownRole`, `SelfGrant`."""
    grant.require(Permission.ROLES_ASSIGN, vault_id=vault.pk)
    return access.remove_role(grant=grant, assignee=assignee, role=role, object_type=target[0], object_id=target[1])


def add_member(*, grant: Grant, membership: Membership, now: datetime) -> None:
    """Put a principal into a group. Joining gives the group's roles: each guarded vault's second person decides.

    Raises `SelfGrant`, `GroupNotFound`, `GroupChanged`, and `SecondPersonNeeded` after opening a request for each
    guarded vault.
    """
    grant.require(Permission.ROLES_ASSIGN)
    group = membership.group
    access.check_member(grant=grant, principal_id=membership.member)
    roles: dict[Vault, list[str]] = {}
    for vault, role in membership.guarded:
        roles.setdefault(vault, []).append(role)
    found, waiting = [], []
    for vault, names in roles.items():
        try:
            found.append(
                require_approval(
                    grant=grant,
                    act=GuardedOperation.ROLE_GRANT,
                    guarded=vault.production,
                    vault=vault,
                    subject=f"group {group.name}",
                    change={"who": membership.name, "joins": group.name, "gets": sorted(names)},
                    now=now,
                )
            )
        except ApprovalRequired as error:
            waiting.append(error.message)
    if waiting:
        raise ApprovalRequired(" ".join(waiting))
    with transaction.atomic():
        access.lock_group(grant=grant, group=group)
        if set(list_assignments_of_group(group=group)) != set(membership.assignments):
            raise GroupChanged("The roles of this group have just changed. Review them and try again.")
        for approval in found:
            consume(grant=grant, approval=approval, now=now)
        access.set_member(grant=grant, group=group, principal_id=membership.member, member=True)


def remove_member(*, grant: Grant, group: Group, principal_id: UUID) -> None:
    """Take a principal out of a group, at once. Raises `SelfGrant`, `GroupNotFound`."""
    grant.require(Permission.ROLES_ASSIGN)
    access.set_member(grant=grant, group=group, principal_id=principal_id, member=False)
