"""Groups of application identities: who is in one, and what that lets them do."""

from typing import ClassVar
from uuid import UUID

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access import operations as access
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import get_group
from apps.domain.catalog.groups import count_groups, describe_group, find_membership
from apps.domain.identity.queries import get_application
from apps.domain.vaults import role_assignments
from apps.interfaces.console.security_operations import cli_examples
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.forms import GroupForm, MemberForm


class Groups(SecopsPage):
    permissions: ClassVar = {"get": Permission.ROLES_READ, "post": Permission.ROLES_ASSIGN}
    section = "secops:access"
    template = "portal/secops/groups.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """All groups."""
        del request
        self.grant()
        return self._show(GroupForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make one."""
        form = GroupForm(request.POST)
        if not form.is_valid():
            return self._show(form)
        try:
            made = access.create_group(grant=self.grant(), name=form.cleaned_data["name"])
        except VaultError as error:
            form.add_error("name", error.message)
            return self._show(form)
        return self.done(f"Group {made.name} created.", "secops:group", made.name)

    def _show(self, form: Form) -> HttpResponse:
        return self.show(400 if form.errors else 200, form=form, rows=count_groups(), command=cli_examples.GROUP_NEW)


class GroupPage(SecopsPage):
    """What acts on one group share."""

    section = "secops:access"

    def came_from(self) -> str:
        return reverse("secops:group", args=[self.kwargs["group"]])


class OneGroup(GroupPage):
    permissions: ClassVar = {"get": Permission.ROLES_READ, "post": Permission.ROLES_ASSIGN}
    template = "portal/secops/group.html"
    require_reauth = True

    def get(self, request: HttpRequest, group: str) -> HttpResponse:
        """Members and roles."""
        del request
        self.grant()
        found = describe_group(name=group)
        form = MemberForm(members={member.name for member in found.members})
        guarded = sorted({role["vault"].name for role in found.roles if role["vault"].production})
        return self.show(
            group=found,
            form=form,
            guarded=guarded,
            command=cli_examples.group(found.name, found.members),
            add=cli_examples.member_new(found.name),
        )

    def post(self, request: HttpRequest, group: str) -> HttpResponse:
        """Put an application into it."""
        membership = find_membership(group=group, application=request.POST.get("application", ""))
        role_assignments.add_member(grant=self.grant(), membership=membership, now=now())
        text = f"{membership.name} added to {membership.group.name}."
        return self.done(text, "secops:group", group)


class RemoveMember(GroupPage):
    permissions: ClassVar = {"post": Permission.ROLES_ASSIGN}

    def post(self, request: HttpRequest, group: str, client_id: UUID) -> HttpResponse:
        """Take an application out, at once."""
        del request
        member, row = get_application(name=str(client_id)), get_group(name=group)
        role_assignments.remove_member(grant=self.grant(), group=row, principal_id=member.user_id)
        text = f"{member.name} removed from {row.name}. Effective within one second."
        return self.done(text, "secops:group", group)


class DeleteGroup(GroupPage):
    permissions: ClassVar = {"post": Permission.ROLES_ASSIGN}
    require_reauth = True

    def post(self, request: HttpRequest, group: str) -> HttpResponse:
        """Remove it with its memberships and roles, at once."""
        del request
        access.delete_group(grant=self.grant(), name=group)
        return self.done(f"Group {group} is deleted.", "secops:groups")
