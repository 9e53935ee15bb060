"""Microsoft.Authorization: role definitions, and the role assignments in vaults."""

import re
import uuid
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.core.errors import NotFound
from apps.domain.access.grants import Scope, is_permitted
from apps.domain.access.permissions import DATA_ACTIONS, Permission
from apps.domain.access.queries import ORGANISATION, Assignment
from apps.domain.access.roles import ASSIGNABLE, MANAGER, ROLES, Role
from apps.domain.access.visibility import is_limited
from apps.domain.catalog.role_targets import ScopedAssignment, find_target, list_scoped_assignments
from apps.domain.vaults import assignment_ids, queries, role_assignments
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import VaultNotFound
from apps.domain.vaults.role_assignments import Assignee
from apps.interfaces.management_api.base import endpoint
from apps.interfaces.resource_manager import addresses
from apps.interfaces.resource_manager.base import ArmResource, ArmView
from apps.interfaces.resource_manager.errors import BadContent, SubscriptionNotFound, Unsupported
from apps.interfaces.resource_manager.principals import find_assignee
from apps.interfaces.resource_manager.vault_content import Content

# Azure's ids of its built-in roles: "Azure Key Vault RBAC guide", built-in roles.
_IDS = {
    "key-vault-administrator": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
    "key-vault-certificate-user": "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba",
    "key-vault-certificates-officer": "a4417e6f-fecd-4de8-b567-7b0420556985",
    "key-vault-contributor": "f25e0fa2-a7c8-4377-a976-54943a77a395",
    "key-vault-crypto-officer": "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
    "key-vault-crypto-service-encryption-user": "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    "key-vault-crypto-service-release-user": "08bbd89e-9f13-488c-ac41-acfcb10c90ab",
    "key-vault-crypto-user": "12338af0-0e69-4776-bea7-57ae8d297424",
    "key-vault-reader": "21090545-7ca7-4776-b22c-e363652d74d2",
    "key-vault-secrets-officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "key-vault-secrets-user": "4633458b-17de-408a-b874-0445c86b69e6",
}
_OWN_IDS = UUID("4dbb9a3c-6e0d-5c0e-8c52-6d1f6b0b2a77")  # of roles that Azure does not have
_SCOPE = re.compile(
    r"subscriptions/(?P<subscription>[^/]+)(/resourcegroups/(?P<group>[^/]+)(/providers/microsoft\.keyvault/vaults/"
    r"(?P<vault>[^/]+)(/(?P<kind>keys|secrets|certificates)/(?P<item>[^/]+))?)?)?\Z",
    re.IGNORECASE,
)
_FILTERS = (
    re.compile(r"(?:assignedto\('|principalid eq ')(?P<id>[0-9a-f-]{36})'\)?", re.IGNORECASE),
    re.compile(r"atscope\(\)|atscopeandbelow\(\)", re.IGNORECASE),
)
_KINDS = ("keys", "secrets", "certificates")
Json = dict[str, Any]


class DefinitionNotFound(NotFound):
    """No role has that id."""

    code = "RoleDefinitionDoesNotExist"


class _AssignmentProperties(Content):
    role_definition_id: str
    principal_id: str
    principal_type: str | None = None
    description: Any = None
    condition: Any = None
    condition_version: Any = None
    delegated_managed_identity_resource_id: Any = None
    scope: Any = None


class _AssignmentContent(Content):
    properties: _AssignmentProperties


class Definitions(ArmView):
    """The roles that can be assigned in vaults, and that of applications that manage vaults."""

    def get(self, request: Request, definition: str = "", **_names: Any) -> Response:
        """Read one, or list all or those of a name."""
        if definition:
            return Response(_definition(find_role(definition)))
        named = re.search(r"rolename eq '([^']*)'", request.query_params.get("$filter", ""), re.IGNORECASE)
        roles = [*ASSIGNABLE, ROLES[MANAGER]]
        wanted = [role for role in roles if named is None or role.name.lower() == named[1].lower()]
        return Response({"value": [_definition(role) for role in wanted]})


class AssignmentList(ArmView):
    def get(self, request: Request, at: str, **_names: Any) -> Response:
        """List the role assignments at a scope and below, in the vaults whose roles the caller may read."""
        vaults = self._vaults(at)
        rows = [row for vault in vaults for row in list_scoped_assignments(vault)]
        unique = {(row.assignment, row.place): row for row in rows}  # those for all vaults are at each of them
        principal = _wanted_principal(request.query_params.get("$filter", ""))
        wanted = [row for row in unique.values() if principal in (None, row.assignment.principal_id)]
        if is_limited(self.principal):  # whose applications manage vaults is not the developer's to know
            wanted = [row for row in wanted if row.assignment.object_type != ORGANISATION]
        return Response({"value": [_answer(row) for row in _identified(wanted)]})

    def _vaults(self, at: str) -> list[Vault]:
        found = _parse_scope(at)
        rows = queries.list_vaults()
        if found["group"]:
            world = self.find_world(found["group"])
            rows = [row for row in rows if row.world_id == world.pk]
        if found["vault"]:
            rows = [row for row in rows if row.name.lower() == found["vault"].lower()]
        return [row for row in rows if is_permitted(self.principal, Permission.ROLES_READ, Scope.of(row))]


class Assignments(ArmResource):
    """One role assignment at a vault, or at a key, secret or certificate in it, by the id that its client chose."""

    def scope(self) -> Scope:
        """The vault of the address; the organisation if there is none, so that a stranger learns nothing."""
        found = _parse_scope(self.kwargs["at"])
        if not found["vault"]:
            return Scope()
        try:
            vault = queries.get_vault(name=found["vault"])
        except VaultNotFound:
            return Scope()
        if vault.world.name.lower() != found["group"].lower():
            return Scope()
        self.vault = vault
        return Scope.of(vault)

    @endpoint(Operation.ROLE_ASSIGNMENT_WRITE, Permission.ROLES_READ)
    def retrieve(self) -> Response:
        """Read a role assignment."""
        return Response(_answer((self._id(), self._find())))

    @endpoint(Operation.ROLE_ASSIGNMENT_WRITE, Permission.ROLES_ASSIGN, reauth=True)
    def put(self) -> Response:
        """Assign a role. Effective everywhere within one second."""
        vault = self._check_found()
        asked = self.body(_AssignmentContent).properties
        if asked.condition or asked.delegated_managed_identity_resource_id:
            raise Unsupported("Conditions and delegated identities are not supported in role assignments.")
        role = find_role(asked.role_definition_id.rpartition("/")[2])
        if not role.assignable:
            raise Unsupported(f"The role {role.name} is assigned with: portal application manager NAME")
        found, assignee = _parse_scope(self.kwargs["at"]), self._assignee(asked.principal_id)
        item = {kind[:-1]: found["item"] if found["kind"].lower() == kind else "" for kind in _KINDS}
        target = find_target(vault, **item)
        row = Assignment(assignee.who, "", role.codename, target.object_type, str(target.object_id))  # type: ignore[arg-type]  # no group
        scoped = ScopedAssignment(vault, row, target.name)
        known = next((one for one in _identified(list_scoped_assignments(vault)) if one[1].assignment == row), None)
        if known is not None and known[0] != self._id():
            raise assignment_ids.AssignmentExists(
                f"The role assignment already exists. The ID of the existing role assignment is {known[0].hex}."
            )
        if known is None:
            if assignment_ids.is_taken(self._id()):
                raise assignment_ids.AssignmentIdTaken("The ID belongs to another role assignment. Choose a new one.")
            role_assignments.assign_role(
                grant=self.grant,
                vault=vault,
                assignee=assignee,
                role=role.codename,
                target=(target.object_type, target.object_id, target.name),
                now=now(),
            )
            assignment_ids.remember(grant=self.grant, assignment_id=self._id(), row=row)
        return Response(_answer((self._id(), scoped)), status=201 if known is None else 200)

    @endpoint(Operation.ROLE_ASSIGNMENT_WRITE, Permission.ROLES_ASSIGN)
    def destroy(self) -> Response:
        """Revoke a role. An assignment that is not there needs no removal: 204."""
        try:
            scoped = self._find()
        except assignment_ids.AssignmentNotFound:
            return Response(status=204)
        row = scoped.assignment
        if row.object_type == ORGANISATION or row.principal_id is None:
            raise Unsupported("Roles for all vaults and roles of groups are revoked in the portal.")
        role_assignments.remove_role(
            grant=self.grant,
            vault=scoped.vault,
            assignee=row.principal_id,
            role=row.role,
            target=(row.object_type, UUID(row.object_id), scoped.place),
        )
        assignment_ids.forget(grant=self.grant, row=row)
        return Response(_answer((self._id(), scoped)))

    def _check_found(self) -> Vault:
        if not hasattr(self, "vault"):
            raise VaultNotFound("Roles are assigned at a vault, or at one object in it. There is no such vault.")
        return self.vault

    def _id(self) -> UUID:
        try:
            return UUID(self.kwargs["assignment"])
        except ValueError:
            raise BadContent("The role assignment ID must be a GUID.") from None

    def _find(self) -> ScopedAssignment:
        for assignment_id, scoped in _identified(list_scoped_assignments(self._check_found())):
            if assignment_id == self._id():
                return scoped
        raise assignment_ids.AssignmentNotFound(f"The role assignment '{self._id()}' is not found.")

    def _assignee(self, principal_id: str) -> Assignee:
        try:
            wanted = UUID(principal_id)
        except ValueError:
            raise BadContent("The principalId must be the GUID of an application's principal.") from None
        return find_assignee(self.grant.principal, wanted)


def find_role(definition: str) -> Role:
    """Find a role by the id of its definition. Raises `BadContent`."""
    for role in ROLES.values():
        if definition_id(role) == definition.lower():
            return role
    raise DefinitionNotFound(f"The role definition with ID '{definition[:80]}' does not exist.")


def definition_id(role: Role) -> str:
    """Return the id of a role's definition: Azure's, where Azure has the role."""
    return _IDS.get(role.codename) or str(uuid.uuid5(_OWN_IDS, role.codename))


def _definition(role: Role) -> Json:
    return {
        "id": _definition_address(role),
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": definition_id(role),
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole" if role.codename in _IDS else "CustomRole",
            "description": role.explanation,
            "assignableScopes": ["/"],
            "permissions": [
                {
                    "actions": sorted(p.value for p in role.permissions if p not in DATA_ACTIONS),
                    "notActions": [],
                    "dataActions": sorted({DATA_ACTIONS[p] for p in role.permissions if p in DATA_ACTIONS}),
                    "notDataActions": [],
                }
            ],
        },
    }


def _definition_address(role: Role) -> str:
    return f"{addresses.subscription()}/providers/Microsoft.Authorization/roleDefinitions/{definition_id(role)}"


def _identified(rows: Sequence[ScopedAssignment]) -> Iterable[tuple[UUID, ScopedAssignment]]:
    identified = assignment_ids.identify([row.assignment for row in rows])
    return [(one.id, row) for one, row in zip(identified, rows, strict=True)]


def _answer(identified: tuple[UUID, ScopedAssignment]) -> Json:
    assignment_id, row = identified
    scope = addresses.subscription()
    if row.assignment.object_type != ORGANISATION:
        scope = addresses.vault(row.vault) + (f"/{row.place}" if row.place else "")
    person = (
        row.assignment.principal_id or uuid.uuid5(_OWN_IDS, row.assignment.group),
        "ServicePrincipal" if row.assignment.principal_id else "Group",
    )
    role = ROLES.get(row.assignment.role)
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{assignment_id}",
        "type": "Microsoft.Authorization/roleAssignments",
        "name": str(assignment_id),
        "properties": {
            "scope": scope,
            "roleDefinitionId": _definition_address(role) if role else "",
            "principalId": str(person[0]),
            "principalType": person[1],
        },
    }


def _parse_scope(at: str) -> dict[str, str]:
    """Read a scope. Raises `SubscriptionNotFound`, `Unsupported`."""
    match = _SCOPE.match(at)
    if match is None:
        raise Unsupported("Roles are assigned at a vault, or at a key, secret or certificate in it.")
    found = {name: value or "" for name, value in match.groupdict().items()}
    if found["subscription"].lower() != addresses.subscription_id():
        raise SubscriptionNotFound(f"The subscription '{found['subscription'][:40]}' could not be found.")
    return found


def _wanted_principal(text: str) -> UUID | None:
    """The principal that a filter asks for; None for all. Raises `Unsupported` for another filter."""
    principal = None
    words = " ".join(text.split())  # first, because a pattern of blanks takes a time that is quadratic in their number
    for part in re.split(" and ", words, flags=re.IGNORECASE) if words else []:
        match = _FILTERS[0].fullmatch(part)
        if match is not None:
            try:
                principal = UUID(match["id"])
            except ValueError:
                raise BadContent("The principal's ID in the filter must be a GUID.") from None
        elif not _FILTERS[1].fullmatch(part):
            raise Unsupported(
                "The filter is not supported. Use atScope(), principalId eq '<id>' or assignedTo('<id>')."
            )
    return principal
