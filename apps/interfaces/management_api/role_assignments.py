"""The management API for roles, their assignments and what they allow."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.access_check import explain_access
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ASSIGNABLE, POLICY
from apps.domain.catalog.groups import find_assignee
from apps.domain.catalog.role_targets import describe_assignments, find_scope, find_target
from apps.domain.identity import queries as identities
from apps.domain.vaults import role_assignments
from apps.domain.vaults.queries import get_vault
from apps.interfaces.management_api.base import Resource, VaultResource, endpoint

_ASKED = [p.value for p in Permission if p.startswith(("keys/", "secrets/", "certificates/"))]


class RoleSerializer(serializers.Serializer[Any]):
    codename = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    explanation = serializers.CharField(read_only=True, help_text="what it allows, in one sentence")
    permissions = serializers.ListField(child=serializers.CharField(), read_only=True)


class AssignmentSerializer(serializers.Serializer[Any]):
    """A role of an application or of a group at a vault, or at one key, secret or certificate in it."""

    application = serializers.CharField(
        max_length=128, required=False, default="", help_text="name or client id of an application identity"
    )
    group = serializers.CharField(max_length=127, required=False, default="", help_text="or a group's name")
    role = serializers.ChoiceField(
        choices=sorted([*(role.codename for role in ASSIGNABLE), POLICY]),
        help_text="\n".join(
            [
                *(f"* `{role.codename}`: {role.explanation}" for role in ASSIGNABLE),
                f"* `{POLICY}`: to revoke an access policy, which the resource management API sets",
            ]
        ),
    )
    key = serializers.CharField(
        max_length=127, required=False, default="", help_text="a key's name; default: the vault"
    )
    secret = serializers.CharField(max_length=127, required=False, default="", help_text="a secret's name")
    certificate = serializers.CharField(max_length=127, required=False, default="", help_text="a certificate's name")


class QuestionSerializer(serializers.Serializer[Any]):
    """Principal, permission, place."""

    principal = serializers.CharField(max_length=150, help_text="name or client id of an application, or a person")
    permission = serializers.ChoiceField(choices=_ASKED)
    vault = serializers.CharField(max_length=24)
    object = serializers.CharField(max_length=127, required=False, default="")


class ExplanationSerializer(serializers.Serializer[Any]):
    allowed = serializers.BooleanField(read_only=True)
    because = serializers.CharField(read_only=True)
    roles = serializers.ListField(child=serializers.CharField(), read_only=True)


class Roles(Resource):
    """The role catalogue, and what roles allow."""

    @endpoint(Operation.ROLE_LIST, Permission.SESSIONS_OPEN, lists=RoleSerializer)
    def list(self) -> Any:
        """List the roles and what they allow."""
        return [{**asdict(role), "permissions": sorted(role.permissions)} for role in ASSIGNABLE]

    @endpoint(
        Operation.ACCESS_EXPLAIN,
        Permission.ROLES_READ,
        takes=QuestionSerializer,
        returns=ExplanationSerializer,
        parameters=[QuestionSerializer],
    )
    def explain(self) -> Any:
        """Decide as for a real request, and say why."""
        vault, permission = get_vault(name=self.data["vault"]), Permission(self.data["permission"])
        kind = permission.split("/")[0].removesuffix("s")
        return explain_access(
            grant=self.grant,
            principal=identities.find_principal(name=self.data["principal"]),
            permission=permission,
            scope=find_scope(vault, kind, self.data["object"]),
        )


class Assignments(VaultResource):
    """Role assignments in a vault."""

    @endpoint(Operation.ROLE_ASSIGNMENT_WRITE, Permission.ROLES_READ, lists=AssignmentSerializer)
    def list(self) -> Any:
        """List who has which role at the vault and at its objects. Vault managers are with the applications."""
        return [row for row in describe_assignments(self.vault) if not row["everywhere"]]

    @endpoint(
        Operation.ROLE_ASSIGNMENT_WRITE,
        Permission.ROLES_ASSIGN,
        takes=AssignmentSerializer,
        creates=AssignmentSerializer,
        reauth=True,
    )
    def create(self) -> Any:
        """Assign a role. Effective everywhere within one second."""
        role_assignments.assign_role(**self._assignment(), now=now())
        return self.data

    @endpoint(Operation.ROLE_ASSIGNMENT_WRITE, Permission.ROLES_ASSIGN, takes=AssignmentSerializer)
    def destroy(self) -> None:
        """Take a role away. Effective everywhere within one second."""
        assignment = self._assignment()
        role_assignments.remove_role(**{**assignment, "assignee": assignment["assignee"].who})

    def _assignment(self) -> dict[str, Any]:
        """The arguments that describe the assignment in the body."""
        data = self.data
        target = find_target(self.vault, key=data["key"], secret=data["secret"], certificate=data["certificate"])
        return {
            "grant": self.grant,
            "vault": self.vault,
            "assignee": find_assignee(self.grant.principal, application=data["application"], group=data["group"]),
            "role": data["role"],
            "target": (target.object_type, target.object_id, target.name),
        }
