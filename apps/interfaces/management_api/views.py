"""The management API, one class per thing."""

from typing import Any, ClassVar

from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ASSIGNABLE
from apps.domain.access.visibility import is_limited
from apps.domain.catalog.groups import find_assignee
from apps.domain.catalog.role_targets import describe_assignments, find_target
from apps.domain.hsm_client import client
from apps.domain.identity import attestation
from apps.domain.identity import operations as identity
from apps.domain.identity import queries as identities
from apps.domain.security_worlds.queries import list_worlds
from apps.domain.vaults import operations as vaults
from apps.domain.vaults import role_assignments
from apps.domain.vaults.queries import get_vault, list_vaults
from apps.interfaces.management_api.base import ManagementView
from apps.interfaces.management_api.people_serializers import SwitchSerializer
from apps.interfaces.management_api.serializers import (
    ApplicationSerializer,
    AssignmentSerializer,
    AttestationAuthoritySerializer,
    NewApplicationSerializer,
    RoleSerializer,
    SecretSerializer,
    VaultChangeSerializer,
    VaultSerializer,
    WhoAmISerializer,
)


class WhoAmI(ManagementView):
    """The caller."""

    operation = Operation.WHO_AM_I
    permissions: ClassVar = {"get": Permission.SESSIONS_OPEN}

    @extend_schema(responses=WhoAmISerializer)
    def get(self, request: Request) -> Response:
        """Name and duty of the caller."""
        principal = self.grant(request).principal
        facts = {"name": principal.name, "duty": principal.role, "tenant_id": principal.tenant_id}
        return Response(WhoAmISerializer(facts).data)


class Vaults(ManagementView):
    """All vaults."""

    operation = Operation.VAULT_LIST
    permissions: ClassVar = {"get": Permission.VAULTS_LIST, "post": Permission.VAULTS_CREATE}

    @extend_schema(operation_id="vaults_list", responses=VaultSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the vaults that you may know of."""
        principal = self.grant(request).principal
        return Response(VaultSerializer(list_vaults(principal), many=True).data)

    @extend_schema(request=VaultSerializer, responses={201: VaultSerializer})
    def post(self, request: Request) -> Response:
        """Make a vault, with its key in the HSM of its world."""
        grant = self.grant(request)
        asked = VaultSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        made = vaults.create(
            grant=grant,
            name=data["name"],
            world_name=data["world"]["name"],
            recoverable_days=data["recoverable_days"],
            purge_protection=data["purge_protection"],
            production=data["production"],
            now=now(),
        )
        return Response(VaultSerializer(made).data, status=201)


class OneVault(ManagementView):
    """One vault."""

    operation = Operation.VAULT_GET
    permissions: ClassVar = {"get": Permission.VAULTS_LIST, "patch": Permission.VAULTS_UPDATE}
    require_reauth = frozenset({"patch"})

    @extend_schema(operation_id="vaults_retrieve", responses=VaultSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Read a vault."""
        self.grant(request)
        return Response(VaultSerializer(get_vault(name=name)).data)

    @extend_schema(request=VaultChangeSerializer, responses=VaultSerializer)
    def patch(self, request: Request, name: str) -> Response:
        """Change retention, purge protection or limits."""
        grant = self.grant(request)
        asked = VaultChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(VaultSerializer(vaults.update(grant=grant, name=name, now=now(), **asked.validated_data)).data)


class Freeze(ManagementView):
    """Stopping a vault."""

    operation = Operation.VAULT_FREEZE
    permissions: ClassVar = {"post": Permission.VAULTS_UPDATE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=SwitchSerializer, responses=VaultSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Let the data plane refuse everything in a vault (`enabled` false), or serve again."""
        grant = self.grant(request)
        asked = SwitchSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        vaults.set_frozen(grant=grant, name=name, frozen=not asked.validated_data["enabled"])
        return Response(VaultSerializer(get_vault(name=name)).data)


class AttestationAuthorities(ManagementView):
    """Issuers of attestation tokens."""

    operation = Operation.ATTESTATION_AUTHORITY_TRUST
    permissions: ClassVar = {"post": Permission.AUTHORITIES_TRUST}
    require_reauth = frozenset({"post"})

    @extend_schema(request=AttestationAuthoritySerializer, responses={201: AttestationAuthoritySerializer})
    def post(self, request: Request) -> Response:
        """Trust an issuer, so that release policies may name it."""
        grant = self.grant(request)
        asked = AttestationAuthoritySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = attestation.trust_authority(grant=grant, now=now(), **asked.validated_data)
        return Response(AttestationAuthoritySerializer(made).data, status=201)


class Applications(ManagementView):
    """Application identities."""

    operation = Operation.APPLICATION_LIST
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ, "post": Permission.APPLICATIONS_CREATE}

    @extend_schema(responses=ApplicationSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the application identities; developers see their own."""
        principal = self.grant(request).principal
        owner = principal.id if is_limited(principal) else None
        return Response(ApplicationSerializer(identities.list_applications(owner_id=owner), many=True).data)

    @extend_schema(request=ApplicationSerializer, responses={201: NewApplicationSerializer})
    def post(self, request: Request) -> Response:
        """Make an application identity; its client secret is in this answer and nowhere else."""
        grant = self.grant(request)
        asked = ApplicationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made, secret = identity.create_application(grant=grant, name=asked.validated_data["name"], now=now())
        return _secret_answer({**ApplicationSerializer(made).data, "client_secret": secret})


class SwitchApplication(ManagementView):
    """Stopping an application identity."""

    operation = Operation.APPLICATION_DISABLE
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=SwitchSerializer, responses={204: None})
    def post(self, request: Request, name: str) -> Response:
        """Stop an application identity, or let it go on. Effective everywhere within one second."""
        grant = self.grant(request)
        application = identities.get_visible_application(grant.principal, name=name)
        asked = SwitchSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        identity.set_application_enabled(grant=grant, application=application, enabled=asked.validated_data["enabled"])
        return Response(status=204)


class ApplicationSecrets(ManagementView):
    """Client secrets of an application identity."""

    operation = Operation.APPLICATION_SECRET_PUT
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=None, responses={201: SecretSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Make a further client secret, so that the old one can be replaced without a gap."""
        grant = self.grant(request)
        application = identities.get_visible_application(grant.principal, name=name)
        return _secret_answer(
            {"client_secret": identity.add_client_secret(grant=grant, application=application, now=now())}
        )


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
        asked = AssignmentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        target = find_target(vault, key=data["key"], secret=data["secret"], certificate=data["certificate"])
        return data, {
            "grant": grant,
            "vault": vault,
            "assignee": find_assignee(grant.principal, application=data["application"], group=data["group"]),
            "role": data["role"],
            "target": (target.object_type, target.object_id, target.name),
        }


def _secret_answer(body: dict[str, Any]) -> Response:
    """An answer that nobody may keep."""
    return Response(body, status=201, headers={"Cache-Control": "no-store"})


def health(_request: HttpRequest) -> HttpResponse:
    """Whether the vault can serve: the database answers and every world has an HSM worker with its HSM."""
    try:
        names = [world.name for world in list_worlds()]
        worlds = {name: client.is_healthy(world=name) for name in names}
    except DatabaseError:
        connection.close()
        return JsonResponse({"status": "database away"}, status=503)
    well = bool(worlds) and all(worlds.values())
    shown = {name: "ok" if alive else "HSM away" for name, alive in worlds.items()}
    return JsonResponse({"status": "ok" if well else "degraded", "worlds": shown}, status=200 if well else 503)
