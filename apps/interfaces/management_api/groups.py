"""The management API for groups of application identities."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access import operations as access
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import get_group
from apps.domain.catalog.groups import count_groups, describe_group, find_membership
from apps.domain.identity.queries import get_application
from apps.domain.vaults import role_assignments
from apps.interfaces.management_api.applications import ApplicationSerializer
from apps.interfaces.management_api.base import ManagementView, read


class NewGroupSerializer(serializers.Serializer[Any]):
    """A group of application identities, yet without members or roles."""

    name = serializers.CharField(max_length=127)


class GroupLineSerializer(serializers.Serializer[Any]):
    """A group in a list."""

    name = serializers.CharField(read_only=True)
    members = serializers.IntegerField(read_only=True, help_text="how many")
    roles = serializers.IntegerField(read_only=True, help_text="how many")


class GroupRoleSerializer(serializers.Serializer[Any]):
    vault = serializers.CharField(read_only=True, source="vault.name")
    role = serializers.CharField(read_only=True)
    what = serializers.CharField(read_only=True, help_text="keys/<name> and so on; empty for the whole vault")


class GroupSerializer(serializers.Serializer[Any]):
    """A group with its members and what it has."""

    name = serializers.CharField(read_only=True)
    members = ApplicationSerializer(many=True, read_only=True)
    roles = GroupRoleSerializer(many=True, read_only=True)


class Groups(ManagementView):
    """All groups."""

    operation = Operation.GROUP_LIST
    permissions: ClassVar = {"get": Permission.ROLES_READ, "post": Permission.ROLES_ASSIGN}

    @extend_schema(operation_id="groups_list", responses=GroupLineSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the groups."""
        self.grant(request)
        rows = [{"name": name, "members": members, "roles": roles} for name, members, roles in count_groups()]
        return Response(GroupLineSerializer(rows, many=True).data)

    @extend_schema(request=NewGroupSerializer, responses={201: GroupSerializer})
    def post(self, request: Request) -> Response:
        """Create a group, without members or roles."""
        grant = self.grant(request)
        data = read(NewGroupSerializer, request)
        made = access.create_group(grant=grant, name=data["name"])
        return Response(GroupSerializer(describe_group(name=made.name)).data, status=201)


class OneGroup(ManagementView):
    """One group."""

    operation = Operation.GROUP_GET
    permissions: ClassVar = {"get": Permission.ROLES_READ, "delete": Permission.ROLES_ASSIGN}
    require_reauth = frozenset({"delete"})

    @extend_schema(operation_id="groups_retrieve", responses=GroupSerializer)
    def get(self, request: Request, group: str) -> Response:
        """Read who is in a group and which roles it has."""
        self.grant(request)
        return Response(GroupSerializer(describe_group(name=group)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, group: str) -> Response:
        """Remove a group; what its members had through it ends everywhere within one second."""
        access.delete_group(grant=self.grant(request), name=group)
        return Response(status=204)


class Member(ManagementView):
    """An application identity in a group."""

    operation = Operation.GROUP_MEMBER_PUT
    permissions: ClassVar = {"put": Permission.ROLES_ASSIGN, "delete": Permission.ROLES_ASSIGN}
    require_reauth = frozenset({"put"})

    @extend_schema(request=None, responses={204: None})
    def put(self, request: Request, group: str, application: str) -> Response:
        """Put an application into a group. Where the group has roles on production vaults, a second person decides."""
        grant = self.grant(request)
        membership = find_membership(group=group, application=application)
        role_assignments.add_member(grant=grant, membership=membership, now=now())
        return Response(status=204)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, group: str, application: str) -> Response:
        """Take an application out of a group, at once."""
        grant = self.grant(request)
        member = get_application(name=application).user_id
        role_assignments.remove_member(grant=grant, group=get_group(name=group), principal_id=member)
        return Response(status=204)
