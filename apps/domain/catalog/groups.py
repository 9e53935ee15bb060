"""Groups of application identities, with what their roles reach. A person acts by their role and is in no group."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group

from apps.core.errors import BadRequest
from apps.core.principals import Principal
from apps.domain.access.queries import (
    GroupNotFound,
    get_group,
    list_assignments_of_group,
    list_groups,
    list_members,
    members_by_group,
)
from apps.domain.access.visibility import is_limited
from apps.domain.catalog.role_targets import describe_targets
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.queries import get_application, get_assignee
from apps.domain.vaults.role_assignments import Assignee, Membership


class AmbiguousAssignee(BadRequest):
    """Neither or both of an application and a group were named."""


@dataclass(frozen=True, slots=True)
class DescribedGroup:
    """A group with names instead of ids; `roles` as `role_targets.describe_targets`."""

    name: str
    members: list[ApplicationIdentity]
    roles: list[dict[str, Any]]


def count_groups() -> list[tuple[str, int, int]]:
    """List (name, number of members, number of roles) of every group, by name."""
    members = members_by_group()
    return [
        (group.name, len(members.get(group.name, ())), len(list_assignments_of_group(group=group)))
        for group in list_groups()
    ]


def describe_group(*, name: str) -> DescribedGroup:
    """Describe a group with its members and roles. Raises `GroupNotFound`."""
    group = get_group(name=name)
    return DescribedGroup(group.name, _members(group), describe_targets(list_assignments_of_group(group=group)))


def find_assignee(principal: Principal, *, application: str, group: str) -> Assignee:
    """Find the assignee of a role: an application or person (`identity.queries.get_assignee`), or a group.

    A developer knows of no group: their members are other people's applications.
    Raises `ApplicationNotFound`, `GroupNotFound`, `AmbiguousAssignee`.
    """
    if bool(application) == bool(group):
        raise AmbiguousAssignee("Name an application or a group, one of the two.")
    if application:
        return Assignee(*get_assignee(principal, name=application))
    if is_limited(principal):
        raise GroupNotFound(f"There is no group '{group[:127]}'.")
    row = get_group(name=group)
    description = f"group {row.name}: {', '.join(member.name for member in _members(row)) or 'nobody yet'}"
    return Assignee(row, description, list_members(group=row))


def find_membership(*, group: str, application: str) -> Membership:
    """Find the membership that an application would get. Raises `GroupNotFound`, `ApplicationNotFound`."""
    row, member = get_group(name=group), get_application(name=application)
    return Membership(row, member.user_id, member.name, list_assignments_of_group(group=row))


def _members(group: Group) -> list[ApplicationIdentity]:
    return list(ApplicationIdentity.objects.filter(user_id__in=list_members(group=group)).order_by("name"))
