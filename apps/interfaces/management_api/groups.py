"""The management API for groups of application identities."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access import operations as access
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import get_group
from apps.domain.catalog.groups import count_groups, describe_group, find_membership
from apps.domain.identity.queries import get_application
from apps.domain.vaults import role_assignments
from apps.interfaces.management_api.applications import ApplicationSerializer
from apps.interfaces.management_api.base import Resource, endpoint


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


class Groups(Resource):
    """Groups and their members."""

    @endpoint(Operation.GROUP_LIST, Permission.ROLES_READ, lists=GroupLineSerializer)
    def list(self) -> Any:
        """List the groups."""
        return [{"name": name, "members": members, "roles": roles} for name, members, roles in count_groups()]

    @endpoint(Operation.GROUP_LIST, Permission.ROLES_ASSIGN, takes=NewGroupSerializer, creates=GroupSerializer)
    def create(self) -> Any:
        """Create a group, without members or roles."""
        made = access.create_group(grant=self.grant, name=self.data["name"])
        return describe_group(name=made.name)

    @endpoint(Operation.GROUP_GET, Permission.ROLES_READ, returns=GroupSerializer)
    def retrieve(self) -> Any:
        """Read who is in a group and which roles it has."""
        return describe_group(name=self.kwargs["group"])

    @endpoint(Operation.GROUP_GET, Permission.ROLES_ASSIGN, reauth=True)
    def destroy(self) -> None:
        """Remove a group; what its members had through it ends everywhere within one second."""
        access.delete_group(grant=self.grant, name=self.kwargs["group"])

    @endpoint(Operation.GROUP_MEMBER_PUT, Permission.ROLES_ASSIGN, reauth=True)
    def add_member(self) -> None:
        """Put an application into a group. Where the group has roles on production vaults, a second person decides."""
        membership = find_membership(group=self.kwargs["group"], application=self.kwargs["application"])
        role_assignments.add_member(grant=self.grant, membership=membership, now=now())

    @endpoint(Operation.GROUP_MEMBER_PUT, Permission.ROLES_ASSIGN)
    def remove_member(self) -> None:
        """Take an application out of a group, at once."""
        member = get_application(name=self.kwargs["application"]).user_id
        group = get_group(name=self.kwargs["group"])
        role_assignments.remove_member(grant=self.grant, group=group, principal_id=member)
