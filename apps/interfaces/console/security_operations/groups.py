"""Groups of application identities: members and roles."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from apps.core.clock import now
from apps.domain.access import operations as access
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import get_group
from apps.domain.catalog.groups import count_groups, describe_group, find_membership
from apps.domain.identity.queries import get_application
from apps.domain.vaults import role_assignments
from apps.interfaces.console.base import FormPage
from apps.interfaces.console.form_commands import MOST_LINES, command
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.forms import GroupForm, MemberForm


class Groups(FormPage, SecopsPage):
    permissions: ClassVar = {"get": Permission.ROLES_READ, "post": Permission.ROLES_ASSIGN}
    section = "secops:access"
    template = "portal/secops/groups.html"
    form_class = GroupForm

    def submit(self, form: GroupForm) -> HttpResponse:
        """Create a group."""
        made = access.create_group(grant=self.grant(), name=form.cleaned_data["name"])
        return self.redirect_with_success(f"Group {made.name} created.", "secops:group", made.name)

    def texts(self, form: GroupForm) -> dict[str, Any]:
        return {"rows": count_groups(), "command": form.cli}


class GroupPage(SecopsPage):
    """Base of the pages about one group."""

    section = "secops:access"
    error_page = ("secops:group", "group")


class OneGroup(GroupPage):
    permissions: ClassVar = {"get": Permission.ROLES_READ, "post": Permission.ROLES_ASSIGN}
    template = "portal/secops/group.html"
    require_reauth = True

    def get(self, request: HttpRequest, group: str) -> HttpResponse:
        """Members and roles."""
        self.grant()
        described = describe_group(name=group)
        name, members = described.name, [member.name for member in described.members]
        form = MemberForm(members=members)
        removals = [command("group remove", name, member) for member in members[:MOST_LINES]]
        return self.show(
            group=described,
            form=form,
            guarded=sorted({role["vault"].name for role in described.roles if role["vault"].production}),
            command="\n".join([command("group show", name), *removals, command("group delete", name)]),
            add=form.cli.of(group=name),
        )

    def post(self, request: HttpRequest, group: str) -> HttpResponse:
        """Put an application into it."""
        membership = find_membership(group=group, application=request.POST.get("application", ""))
        role_assignments.add_member(grant=self.grant(), membership=membership, now=now())
        text = f"{membership.name} added to {membership.group.name}."
        return self.redirect_with_success(text, "secops:group", group)


class RemoveMember(GroupPage):
    permissions: ClassVar = {"post": Permission.ROLES_ASSIGN}

    def post(self, request: HttpRequest, group: str, client_id: UUID) -> HttpResponse:
        """Take an application out, at once."""
        member, row = get_application(name=str(client_id)), get_group(name=group)
        role_assignments.remove_member(grant=self.grant(), group=row, principal_id=member.user_id)
        text = f"{member.name} removed from {row.name}. Effective within one second."
        return self.redirect_with_success(text, "secops:group", group)


class DeleteGroup(GroupPage):
    permissions: ClassVar = {"post": Permission.ROLES_ASSIGN}
    require_reauth = True

    def post(self, request: HttpRequest, group: str) -> HttpResponse:
        """Remove it with its memberships and roles, at once."""
        access.delete_group(grant=self.grant(), name=group)
        return self.redirect_with_success(f"Group {group} is deleted.", "secops:groups")
