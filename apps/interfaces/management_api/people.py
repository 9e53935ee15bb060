"""The management API for people and invitations."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission
from apps.domain.identity import invitations, queries
from apps.domain.identity import operations as people
from apps.interfaces.management_api.base import NO_STORE, Resource, SwitchSerializer, endpoint


class WhoAmISerializer(serializers.Serializer[Any]):
    name = serializers.CharField(read_only=True)
    duty = serializers.CharField(read_only=True, source="role")
    tenant_id = serializers.UUIDField(read_only=True)


class PersonSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(read_only=True)
    duty = serializers.CharField(read_only=True)
    last_login = serializers.DateTimeField(read_only=True)


class InvitationSerializer(serializers.Serializer[Any]):
    """An invitation. The token is shown once."""

    duty = serializers.ChoiceField(choices=[duty.value for duty in PersonRole])
    username = serializers.CharField(max_length=128, required=False, default="", allow_blank=True)
    token = serializers.CharField(read_only=True)
    path = serializers.CharField(read_only=True, help_text="on the portal's host")


class People(Resource):
    """People and their invitations."""

    @endpoint(Operation.WHO_AM_I, Permission.SESSIONS_OPEN, returns=WhoAmISerializer)
    def who_am_i(self) -> Any:
        """Name and duty of the caller."""
        return self.grant.principal

    @endpoint(Operation.PERSON_LIST, Permission.ROLES_READ, lists=PersonSerializer)
    def list(self) -> Any:
        """List everybody."""
        return queries.list_people()

    @endpoint(Operation.PERSON_DISABLE, Permission.PEOPLE_INVITE, takes=SwitchSerializer, reauth=True)
    def switch(self) -> None:
        """Stop a person, whose sessions end at once, or let them come back. Never oneself, never the last one."""
        username, enabled = self.kwargs["username"], self.data["enabled"]
        people.set_person_enabled(grant=self.grant, username=username, enabled=enabled, now=now())

    @endpoint(
        Operation.INVITATION_PUT,
        Permission.PEOPLE_INVITE,
        takes=InvitationSerializer,
        creates=InvitationSerializer,
        reauth=True,
        headers=NO_STORE,
    )
    def invite(self) -> Any:
        """Invite a person; the token is in this answer and nowhere else. Once there is a production vault, a second
        person approves the invitation of security operations and of auditors.
        """
        role, username = PersonRole(self.data["duty"]), self.data["username"]
        token = invitations.invite(grant=self.grant, role=role, username=username, now=now())
        return {**self.data, "token": token, "path": f"/invitation/{token}"}
