"""The management API for people: invitations, approvals, explanations, usage."""

from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import USES, Operation
from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.access_check import explain_access
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.queries import get_request, list_open
from apps.domain.catalog import visibility
from apps.domain.catalog.impact import calculate_impact
from apps.domain.catalog.role_targets import find_scope
from apps.domain.identity import invitations
from apps.domain.identity import operations as people
from apps.domain.identity import queries as identities
from apps.domain.vaults.queries import get_vault
from apps.interfaces.management_api.base import ManagementView
from apps.interfaces.management_api.people_serializers import (
    ApprovalSerializer,
    CallerSerializer,
    DecisionSerializer,
    ExplanationSerializer,
    InvitationSerializer,
    OneApprovalSerializer,
    PersonSerializer,
    QuestionSerializer,
    SwitchSerializer,
)
from apps.usage.queries import callers_of


class People(ManagementView):
    """People and their roles."""

    operation = Operation.PERSON_LIST
    permissions: ClassVar = {"get": Permission.ROLES_READ}

    @extend_schema(responses=PersonSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List everybody."""
        self.grant(request)
        return Response(PersonSerializer(identities.list_people(), many=True).data)


class SwitchPerson(ManagementView):
    """Stopping a person."""

    operation = Operation.PERSON_DISABLE
    permissions: ClassVar = {"post": Permission.PEOPLE_INVITE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=SwitchSerializer, responses={204: None})
    def post(self, request: Request, username: str) -> Response:
        """Stop a person, whose sessions end at once, or let them come back. Never oneself, never the last one."""
        grant = self.grant(request)
        asked = SwitchSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        people.set_person_enabled(grant=grant, username=username, enabled=asked.validated_data["enabled"])
        return Response(status=204)


class Invitations(ManagementView):
    """Invitations."""

    operation = Operation.INVITATION_PUT
    permissions: ClassVar = {"post": Permission.PEOPLE_INVITE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=InvitationSerializer, responses={201: InvitationSerializer})
    def post(self, request: Request) -> Response:
        """Invite a person; the token is in this answer and nowhere else."""
        grant = self.grant(request)
        asked = InvitationSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        token = invitations.invite(grant=grant, role=PersonRole(data["duty"]), username=data["username"], now=now())
        answer = InvitationSerializer({**data, "token": token, "path": f"/invitation/{token}"}).data
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})


class Approvals(ManagementView):
    """Requests for a second person."""

    operation = Operation.APPROVAL_LIST
    permissions: ClassVar = {"get": Permission.APPROVALS_READ}

    @extend_schema(operation_id="approvals_list", responses=ApprovalSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List what waits for a decision."""
        self.grant(request)
        return Response(ApprovalSerializer(list_open(now=now()), many=True).data)


class OneApproval(ManagementView):
    """One request."""

    operation = Operation.APPROVAL_DECIDE
    permissions: ClassVar = {"get": Permission.APPROVALS_READ, "post": Permission.APPROVALS_DECIDE}
    require_reauth = frozenset({"post"})

    @extend_schema(operation_id="approvals_retrieve", responses=OneApprovalSerializer)
    def get(self, request: Request, request_id: UUID) -> Response:
        """Read a request with its effect: what changes, who used the thing lately and whether that breaks."""
        self.grant(request)
        row = get_request(request_id=request_id)
        effect = calculate_impact(request=row, now=now())
        changes = [{"what": what, "now": before, "afterwards": after} for what, before, after in effect.changes]
        found = {"changes": changes, "callers": effect.callers, "last_use": effect.last_use, "breaks": effect.breaks}
        shown = OneApprovalSerializer({**ApprovalSerializer(row).data, "vault_name": row.vault_name, **found})
        return Response(shown.data)

    @extend_schema(request=DecisionSerializer, responses=ApprovalSerializer)
    def post(self, request: Request, request_id: UUID) -> Response:
        """Approve or reject; never one's own."""
        grant = self.grant(request)
        asked = DecisionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        decided = approvals.decide(grant=grant, request_id=request_id, now=now(), **asked.validated_data)
        return Response(ApprovalSerializer(decided).data)


class Explain(ManagementView):
    """Why allowed, why denied."""

    operation = Operation.ACCESS_EXPLAIN
    permissions: ClassVar = {"get": Permission.ROLES_READ}

    @extend_schema(parameters=[QuestionSerializer], responses=ExplanationSerializer)
    def get(self, request: Request) -> Response:
        """Decide as for a real request, and say why."""
        grant = self.grant(request)
        asked = QuestionSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        vault, permission = get_vault(name=data["vault"]), Permission(data["permission"])
        kind = permission.split("/")[0].removesuffix("s")
        answer = explain_access(
            grant=grant,
            principal=identities.find_principal(name=data["principal"]),
            permission=permission,
            scope=find_scope(vault, kind, data["object"]),
        )
        return Response(ExplanationSerializer(answer).data)


class Callers(ManagementView):
    """Who uses a vault."""

    operation = Operation.USAGE_GET
    permissions: ClassVar = {"get": Permission.USAGE_READ}

    @extend_schema(
        parameters=[OpenApiParameter("object", str, description="keys/<name>, secrets/<name> or certificates/<name>")],
        responses=CallerSerializer(many=True),
    )
    def get(self, request: Request, name: str) -> Response:
        """List who used the vault, or one object in it, in the last 90 days."""
        vault = get_vault(name=name)
        principal = self.grant(request, Scope.of(vault)).principal
        since, named = now() - timedelta(days=90), request.query_params.get("object", "")
        known = visibility.knows_named(principal, vault, named)
        rows = callers_of(vault_id=vault.pk, operations=USES, object_id=named, since=since) if known else []
        return Response(CallerSerializer(rows, many=True).data)
