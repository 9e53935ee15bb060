"""The management API for roles, their assignments and what they allow."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.access_check import explain_access
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ASSIGNABLE
from apps.domain.catalog.groups import find_assignee
from apps.domain.catalog.role_targets import describe_assignments, find_scope, find_target
from apps.domain.identity import queries as identities
from apps.domain.vaults import role_assignments
from apps.domain.vaults.queries import get_vault
from apps.interfaces.management_api.base import ManagementView, read

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
        choices=sorted(role.codename for role in ASSIGNABLE),
        help_text="\n".join(f"* `{role.codename}`: {role.explanation}" for role in ASSIGNABLE),
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


class Roles(ManagementView):
    """The role catalogue."""

    operation = Operation.ROLE_LIST
    permissions: ClassVar = {"get": Permission.SESSIONS_OPEN}

    @extend_schema(responses=RoleSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the roles and what they allow."""
        self.grant(request)
        return Response(
            [
                {
                    "codename": role.codename,
                    "name": role.name,
                    "explanation": role.explanation,
                    "permissions": sorted(role.permissions),
                }
                for role in ASSIGNABLE
            ]
        )


class Assignments(ManagementView):
    """Role assignments in a vault."""

    operation = Operation.ROLE_ASSIGNMENT_WRITE
    permissions: ClassVar = {
        "get": Permission.ROLES_READ,
        "post": Permission.ROLES_ASSIGN,
        "delete": Permission.ROLES_ASSIGN,
    }
    require_reauth = frozenset({"post"})

    @extend_schema(responses=AssignmentSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        """List who has which role at the vault and at its objects."""
        vault = get_vault(name=name)
        self.grant(request, Scope.of(vault))
        return Response(AssignmentSerializer(describe_assignments(vault), many=True).data)

    @extend_schema(request=AssignmentSerializer, responses={201: AssignmentSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Assign a role. Effective everywhere within one second."""
        data, arguments = self._read(request, name)
        role_assignments.assign_role(**arguments, now=now())
        return Response(AssignmentSerializer(data).data, status=201)

    @extend_schema(request=AssignmentSerializer, responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Take a role away. Effective everywhere within one second."""
        _, arguments = self._read(request, name)
        assignee = arguments.pop("assignee")
        role_assignments.remove_role(**arguments, assignee=assignee.who)
        return Response(status=204)

    def _read(self, request: Request, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        vault = get_vault(name=name)
        grant = self.grant(request, Scope.of(vault))
        data = read(AssignmentSerializer, request)
        target = find_target(vault, key=data["key"], secret=data["secret"], certificate=data["certificate"])
        return data, {
            "grant": grant,
            "vault": vault,
            "assignee": find_assignee(grant.principal, application=data["application"], group=data["group"]),
            "role": data["role"],
            "target": (target.object_type, target.object_id, target.name),
        }


class Explain(ManagementView):
    """The access check, explained."""

    operation = Operation.ACCESS_EXPLAIN
    permissions: ClassVar = {"get": Permission.ROLES_READ}

    @extend_schema(parameters=[QuestionSerializer], responses=ExplanationSerializer)
    def get(self, request: Request) -> Response:
        """Decide as for a real request, and say why."""
        grant = self.grant(request)
        data = read(QuestionSerializer, request)
        vault, permission = get_vault(name=data["vault"]), Permission(data["permission"])
        kind = permission.split("/")[0].removesuffix("s")
        answer = explain_access(
            grant=grant,
            principal=identities.find_principal(name=data["principal"]),
            permission=permission,
            scope=find_scope(vault, kind, data["object"]),
        )
        return Response(ExplanationSerializer(answer).data)
