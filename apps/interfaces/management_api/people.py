"""The management API for people and invitations."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission
from apps.domain.identity import invitations
from apps.domain.identity import operations as people
from apps.domain.identity import queries as identities
from apps.interfaces.management_api.base import ManagementView, SwitchSerializer, read


class WhoAmISerializer(serializers.Serializer[Any]):
    name = serializers.CharField(read_only=True)
    duty = serializers.CharField(read_only=True)
    tenant_id = serializers.UUIDField(read_only=True)


class PersonSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(read_only=True)
    duty = serializers.CharField(read_only=True)
    last_login = serializers.DateTimeField(read_only=True)


class InvitationSerializer(serializers.Serializer[Any]):
    """An invitation; the token is told once."""

    duty = serializers.ChoiceField(choices=[duty.value for duty in PersonRole])
    username = serializers.CharField(max_length=128, required=False, default="", allow_blank=True)
    token = serializers.CharField(read_only=True)
    path = serializers.CharField(read_only=True, help_text="on the portal's host")


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
        data = read(SwitchSerializer, request)
        people.set_person_enabled(grant=grant, username=username, enabled=data["enabled"])
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
        data = read(InvitationSerializer, request)
        token = invitations.invite(grant=grant, role=PersonRole(data["duty"]), username=data["username"], now=now())
        answer = InvitationSerializer({**data, "token": token, "path": f"/invitation/{token}"}).data
        return Response(answer, status=201, headers={"Cache-Control": "no-store"})
