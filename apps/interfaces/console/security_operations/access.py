"""Access: role assignments with their last use, granting, the access simulator, and people."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.access_check import Explanation, explain_access
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ROLES
from apps.domain.approvals.effects import effect_of
from apps.domain.catalog.groups import find_assignee
from apps.domain.catalog.role_targets import describe_assignments, find_scope, find_target
from apps.domain.identity import invitations, operations, queries
from apps.domain.vaults import role_assignments
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault, list_vaults
from apps.interfaces.console.base import FormPage
from apps.interfaces.console.form_commands import MOST_LINES, command, revoke
from apps.interfaces.console.security_operations.base import SecopsPage, VaultPage
from apps.interfaces.console.security_operations.forms import InviteForm, RoleAssignmentForm, SimulateForm
from apps.interfaces.console.vault_pages import RoleRemoval
from apps.usage.queries import last_uses

UNUSED = timedelta(days=90)
_NO_ITEM = {"key": "", "secret": "", "certificate": ""}


class Access(FormPage, SecopsPage):
    permissions: ClassVar = {"get": Permission.ROLES_READ, "post": Permission.ROLES_ASSIGN}
    section = "secops:access"
    template = "portal/secops/access.html"
    require_reauth = True
    errors_in_form = False

    def form(self, data: Any = None) -> RoleAssignmentForm:
        return RoleAssignmentForm(data, initial={"vault": self.request.GET.get("vault", "")})

    def submit(self, form: RoleAssignmentForm) -> HttpResponse:
        """Assign a role."""
        data = form.cleaned_data
        vault = get_vault(name=data["vault"])
        kind, _slash, who = data["who"].partition("/")
        target = find_target(vault, **{**_NO_ITEM, **({data["kind"]: data["item"]} if data["kind"] else {})})
        role_assignments.assign_role(
            grant=self.grant(Scope.of(vault)),
            vault=vault,
            assignee=find_assignee(self.principal, **{"application": "", "group": "", kind: who}),
            role=data["role"],
            target=(target.object_type, target.object_id, target.name),
            now=now(),
        )
        where = f"{vault.name}/{target.name}" if target.name else vault.name
        text = f"Role assigned: {who} is {ROLES[data['role']].name} on {where}."
        return self.redirect_with_success(text, "secops:access")

    def texts(self, form: RoleAssignmentForm) -> dict[str, Any]:
        """All assignments; `?unused=1`: those whose holder did nothing in the vault for 90 days."""
        self.grant(permission=Permission.ROLES_READ)
        wanted, only_unused = self.request.GET.get("vault", ""), self.request.GET.get("unused") == "1"
        rows = _assignments([vault for vault in list_vaults() if wanted.lower() in ("", vault.name.lower())])
        shown = [row for row in rows if row["unused"] or not only_unused]
        return {
            "rows": shown,
            "only_unused": only_unused,
            "unused": sum(row["unused"] for row in rows),
            "take": "\n".join(revoke(row["vault"].name, row) for row in shown[:MOST_LINES]),
            "command": form.cli,
            "nobody": not form.possible,
            "wanted": wanted,
        }


def _assignments(vaults: list[Vault]) -> list[dict[str, Any]]:
    """The assignments in vaults, each with its place and its last use."""
    rows = [{**row, "vault": vault} for vault in vaults for row in describe_assignments(vault)]
    first = {row["who"]: row for row in reversed(rows) if row["everywhere"]}  # once, not at each vault
    rows = [row for row in rows if not row["everywhere"] or row is first[row["who"]]]
    seen = last_uses(caller_ids={principal for row in rows for principal in row["principals"]})
    limit = now() - UNUSED
    for row in rows:
        uses = [seen.get((principal, row["vault"].pk)) for principal in row["principals"]]
        row["last"] = max((use for use in uses if use is not None), default=None)  # of a group: by any member
        row["unused"] = row["last"] is None or row["last"] < limit
        row["object"] = next((f"{kind}s/{row[kind]}" for kind in _NO_ITEM if row[kind]), "")
    return rows


class RemoveRole(RoleRemoval, VaultPage):
    error_page = ("secops:access",)


class Simulate(SecopsPage):
    permissions: ClassVar = {"get": Permission.ROLES_READ}
    section = "secops:access"
    template = "portal/secops/simulate.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Decide whether a principal may do something in a place, and why; the question is in the address."""
        grant = self.grant()
        form = SimulateForm(request.GET or None)
        answer: Explanation | None = None
        if form.is_valid():
            data = form.cleaned_data
            permission = Permission(data["permission"])
            vault = get_vault(name=data["vault"])
            kind = permission.split("/")[0].removesuffix("s")
            scope = find_scope(vault, kind, data["item"])
            answer = explain_access(
                grant=grant,
                principal=queries.find_principal(name=data["principal"]),
                permission=permission,
                scope=scope,
            )
        return self.show(form=form, answer=answer, command=form.cli)


class People(FormPage, SecopsPage):
    permissions: ClassVar = {"get": Permission.ROLES_READ, "post": Permission.PEOPLE_INVITE}
    section = "secops:access"
    template = "portal/secops/people.html"
    require_reauth = True
    errors_in_form = False
    form_class = InviteForm
    link = ""  # of an invitation that was just made

    def submit(self, form: InviteForm) -> HttpResponse:
        """Create an invitation. Its link is shown once."""
        role, username = PersonRole(form.cleaned_data["duty"]), form.cleaned_data["username"]
        token = invitations.invite(grant=self.grant(), role=role, username=username, now=now())
        self.link = self.request.build_absolute_uri(reverse("invitation", args=[token]))
        return self.show_form(self.form())

    def texts(self, form: InviteForm) -> dict[str, Any]:
        """All people, with their role."""
        people = queries.list_people()
        switches = [
            command(f"person {'suspend' if row.is_active else 'reactivate'}", row.username)
            for row in people
            if row.pk != self.request.user.pk
        ]
        switch = "\n".join(["portal person list", *switches[:MOST_LINES]])
        guarded = effect_of(duty=PersonRole.SECURITY_OPERATIONS.value).guarded
        return {"people": people, "link": self.link, "command": form.cli, "switch": switch, "guarded": guarded}


class SwitchPerson(SecopsPage):
    permissions: ClassVar = {"post": Permission.PEOPLE_INVITE}
    require_reauth = True
    error_page = ("secops:people",)

    def post(self, request: HttpRequest, person_id: UUID) -> HttpResponse:
        """Suspend or reactivate a person."""
        enabled = request.POST.get("enabled") == "yes"
        username = queries.get_person_by_id(person_id=person_id).username
        operations.set_person_enabled(grant=self.grant(), username=username, enabled=enabled, now=now())
        text = f"{username} is reactivated." if enabled else f"{username} is suspended; open sessions have ended."
        return self.redirect_with_success(text, "secops:people")
