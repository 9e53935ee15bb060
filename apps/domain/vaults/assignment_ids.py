"""Ids of role assignments, for the resource management API. A role assignment itself has none that stays."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from apps.core.errors import Conflict, NotFound
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import Assignment
from apps.domain.vaults.models import AssignmentId

_SPACE = UUID("6f6a3a0e-3f0b-5b8e-9a53-0f5a4c1c7d11")  # of ids that follow from the assignment (RFC 9562 section 5.5)


class AssignmentNotFound(NotFound):
    """No role assignment has that id."""

    code = "RoleAssignmentNotFound"


class AssignmentIdTaken(Conflict):
    """The id belongs to another role assignment, which cannot be changed into this one."""

    code = "RoleAssignmentUpdateNotPermitted"


class AssignmentExists(Conflict):
    """The role is assigned already, under another id."""

    code = "RoleAssignmentExists"


@dataclass(frozen=True, slots=True)
class Identified:
    """A role assignment with its id."""

    id: UUID
    assignment: Assignment


def identify(rows: Sequence[Assignment]) -> list[Identified]:
    """Find the ids of assignments: those that clients gave them; others follow from the assignment."""
    principals = {row.principal_id for row in rows if row.principal_id is not None}
    given = {_key(row): row.pk for row in AssignmentId.objects.filter(principal_id__in=principals)}
    return [Identified(given.get(_key(row), _derived(row)), row) for row in rows]


def find(rows: Sequence[Assignment], assignment_id: UUID) -> Assignment:
    """Find the assignment of these that has the id. Raises `AssignmentNotFound`."""
    for row in identify(rows):
        if row.id == assignment_id:
            return row.assignment
    raise AssignmentNotFound(f"The role assignment '{assignment_id}' is not found.")


@transaction.atomic
def remember(*, grant: Grant, assignment_id: UUID, row: Assignment) -> None:
    """Give a new assignment the id that its client chose. Raises `AssignmentIdTaken`."""
    grant.require(Permission.ROLES_ASSIGN)
    AssignmentId.objects.filter(**_fields(row)).delete()  # of an assignment that was removed elsewhere
    _, created = AssignmentId.objects.get_or_create(pk=assignment_id, defaults=_fields(row))
    if not created:
        raise AssignmentIdTaken("Tenant ID, application ID, principal ID, and scope are not allowed to be updated.")


def is_taken(assignment_id: UUID) -> bool:
    """Tell whether a client has used the id."""
    return AssignmentId.objects.filter(pk=assignment_id).exists()


def forget(*, grant: Grant, row: Assignment) -> None:
    """Forget the id of an assignment that was removed."""
    grant.require(Permission.ROLES_ASSIGN)
    AssignmentId.objects.filter(**_fields(row)).delete()


def _fields(row: Assignment) -> dict[str, object]:
    return {
        "principal_id": row.principal_id,
        "role": row.role,
        "object_type": row.object_type,
        "object_id": row.object_id,
    }


def _key(row: Assignment | AssignmentId) -> tuple[str, ...]:
    return str(row.principal_id), row.role, row.object_type, str(row.object_id)


def _derived(row: Assignment) -> UUID:
    return uuid.uuid5(_SPACE, " ".join((*_key(row), row.group)))
