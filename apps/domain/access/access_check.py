"""Explanations of access decisions: the decision of `authorize()`, step by step."""

from dataclasses import dataclass

from apps.core.principals import Principal
from apps.domain.access import queries
from apps.domain.access.grants import Grant, Scope, permissions_at
from apps.domain.access.permissions import Permission
from apps.domain.access.person_roles import PERSON_ROLE_PERMISSIONS, SCOPED_PERMISSIONS, role_allows
from apps.domain.access.roles import MANAGER, ROLES


@dataclass(frozen=True, slots=True)
class Explanation:
    """`because` says which role or assignment allows it, or what is missing; `roles` would allow it."""

    allowed: bool
    because: str
    roles: tuple[str, ...] = ()


def explain_access(*, grant: Grant, principal: Principal, permission: Permission, scope: Scope) -> Explanation:
    """Tell whether `authorize()` would allow it now, and why. Without side effects."""
    grant.require(Permission.ROLES_READ)
    if principal.role is not None and permission in SCOPED_PERMISSIONS.get(principal.role, frozenset()):
        allowed = role_allows(principal.role, permission, permissions_at(principal, scope))
        verb = "gives" if allowed else "does not give"
        return Explanation(allowed, f"{principal.name} is a developer; what they were given there {verb} {permission}.")
    if principal.role is not None:
        allowed = permission in PERSON_ROLE_PERMISSIONS[principal.role]
        verb = "includes" if allowed else "does not include"
        return Explanation(allowed, f"{principal.name} is a person; the role {principal.role} {verb} {permission}.")
    giving = tuple(role.name for role in ROLES.values() if permission in role.permissions and not role.policy)
    if scope.vault_id is None and permission not in ROLES[MANAGER].permissions:
        return Explanation(False, "An application needs a vault: roles are assigned there.", giving)
    for assignment in queries.list_effective_assignments(
        principal_id=principal.id, vault_id=scope.vault_id, object_type=scope.object_type, object_id=scope.object_id
    ):
        role = ROLES.get(assignment.role)
        if role is not None and permission in role.permissions:
            where = _place(assignment, scope)
            who = f"{principal.name} is in the group {assignment.group}, which" if assignment.group else principal.name
            return Explanation(True, f"{who} has the role {role.name} at {where}, which allows {permission}.")
    place = f"{scope.object_type} {scope.object_name}" if scope.object_name else f"vault {scope.vault_name}"
    return Explanation(False, f"{principal.name} has no role at {place} that allows {permission}.", giving)


def _place(assignment: queries.Assignment, scope: Scope) -> str:
    if assignment.object_type == queries.ORGANISATION:
        return "all vaults"
    if assignment.object_type == "vault":
        return f"vault {scope.vault_name}"
    return f"{assignment.object_type} {scope.object_name}"
