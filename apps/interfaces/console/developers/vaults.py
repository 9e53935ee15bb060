"""Vaults that a developer may know of, and the test vaults that they make."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from apps.core.clock import lifecycle_now
from apps.domain.access.permissions import Permission
from apps.domain.catalog.groups import find_assignee
from apps.domain.catalog.role_targets import describe_assignments, describe_roles
from apps.domain.vaults import operations, role_assignments
from apps.domain.vaults.queries import list_vaults
from apps.interfaces.console.base import FormPage
from apps.interfaces.console.developers.base import DevPage, VaultPage
from apps.interfaces.console.developers.forms import RoleForm, TestVaultForm
from apps.interfaces.console.form_commands import revoke
from apps.interfaces.console.vault_pages import RoleRemoval

P = Permission


class Vaults(VaultPage):
    permissions: ClassVar = {"get": P.VAULTS_LIST}
    template = "portal/developers/vaults.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The vaults in which the developer has a role, with the role."""
        principal = self.grant().principal
        roles: dict[str, list[str]] = {}
        for row in describe_roles(principal_id=principal.id):
            name = getattr(row["vault"], "name", row["vault"])
            roles.setdefault(name, []).append(row["role_name"] + (f" ({row['what']})" if row["what"] else ""))
        return self.show(rows=[(vault, roles.get(vault.name, [])) for vault in list_vaults(principal)])


class NewVault(FormPage, DevPage):
    permissions: ClassVar = {"get": P.TEST_VAULTS_CREATE, "post": P.TEST_VAULTS_CREATE}
    section = "dev:vaults"
    form_class = TestVaultForm
    title = "Create a test vault"
    lead = "The same API as in production. Keys are software-protected; only you and your applications have access."
    verb = "Create test vault"
    parent = ("Vaults", "dev:vaults")

    def submit(self, form: TestVaultForm) -> HttpResponse:
        """Create the vault; it serves when this returns."""
        vault = operations.create_test_vault(grant=self.grant(), now=lifecycle_now(), **form.cleaned_data)
        text = f"Test vault {vault.name} is ready. Create its first key."
        return self.redirect_with_success(text, "dev:vault", vault.name)

    def texts(self, form: TestVaultForm) -> dict[str, Any]:
        return {**super().texts(form), "command": form.cli.of(test="on")}


class OneVault(VaultPage):
    permissions: ClassVar = {"get": P.VAULTS_LIST}
    template = "portal/developers/vault.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """One kind of its objects, a page at a time; or its usage."""
        self.grant()
        context = self.facts()
        tab = request.GET.get("tab", "") or next(iter(context["kinds"]), "keys")
        if tab == "usage" and context["whole"]:
            self.grant(self.scope(), P.USAGE_READ)
            names = {str(row.client_id): row.name for row in self.applications().values()}
            context |= {"names": names, **self.usage_tab()}
        elif tab in context["kinds"]:
            context |= self.objects_tab(tab)
        return self.show(**context, tab=tab)


class Access(VaultPage, FormPage):
    """Roles in a test vault: those of its owner's applications."""

    permissions: ClassVar = {"get": P.ROLES_READ, "post": P.ROLES_ASSIGN}
    require_reauth = True
    template = "portal/developers/access.html"
    errors_in_form = False

    def form(self, data: Any = None) -> RoleForm:
        """A page that says what is missing fills it in."""
        wanted = {field: self.request.GET[field] for field in ("application", "role") if field in self.request.GET}
        return RoleForm(data, applications=list(self.applications().values()), initial=wanted)

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Assign a role to one of the developer's applications; who may not sees no assignments either."""
        self.grant(self.scope())
        return super().post(request, **names)

    def submit(self, form: RoleForm) -> HttpResponse:
        name = form.cleaned_data["application"]
        role_assignments.assign_role(
            grant=self.grant(self.scope()),
            vault=self.vault,
            assignee=find_assignee(self.principal, application=name, group=""),
            role=form.cleaned_data["role"],
            target=("vault", self.vault.pk, ""),
            now=lifecycle_now(),
        )
        text = f"Role assigned to {name} on {self.vault.name}."
        return self.redirect_with_success(text, "dev:vault_access", self.vault.name)

    def texts(self, form: RoleForm) -> dict[str, Any]:
        """Those that have a role, and the commands."""
        rows = [row for row in describe_assignments(self.vault) if row["role"] != "test-vault-owner"]
        rows = [row for row in rows if not row["everywhere"]]  # whose applications are not the developer's
        take = "\n".join(revoke(self.vault.name, row) for row in rows)
        give = form.cli.of(vault=self.vault.name)
        return {**self.facts(), "tab": "access", "assigned": rows, "give": give, "take": take}


class RemoveRole(RoleRemoval, VaultPage):
    error_page = ("dev:vault_access", "name")
