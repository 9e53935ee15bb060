"""Vaults that a developer may know of, and the test vaults that they make."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.audit_log.operation_names import USES
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ROLES
from apps.domain.access.visibility import visible_objects
from apps.domain.catalog import queries as inventory
from apps.domain.catalog import visibility
from apps.domain.catalog.role_targets import describe_assignments, describe_roles, find_target
from apps.domain.identity.queries import addresses, get_visible_application
from apps.domain.vaults import operations, role_assignments
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import list_vaults
from apps.domain.vaults.role_assignments import Assignee
from apps.interfaces.console import charts
from apps.interfaces.console.base import FormPage
from apps.interfaces.console.developers.base import DevPage
from apps.interfaces.console.developers.forms import RoleForm, TestVaultForm
from apps.interfaces.console.form_commands import revoke
from apps.usage import queries as usage

P = Permission
PAGE = 50


class VaultPage(DevPage):
    """Base of the pages about one vault."""

    section = "dev:vaults"

    def tabs(self, vault: Vault) -> dict[str, Any]:
        """Which tabs a vault has for this person, and its address."""
        principal, scope = self.principal, Scope.of(vault)
        mine = visible_objects(principal)
        whole = vault.pk in mine.vaults
        objects = {object_type for object_type, _pk in mine.objects.get(vault.pk, ())}
        kinds = [
            kind
            for kind, singular in inventory.SINGULAR.items()
            if singular in objects or (whole and visibility.knows_kind(principal, scope, kind))
        ]
        return {
            "vault": vault,
            "kinds": kinds,
            "whole": whole,
            "own": self.may(P.VAULTS_OWN, scope),
            "may_set": self.may(P.SECRETS_SET, scope),
            "may_create": self.may(P.KEYS_CREATE, scope),
            "url": f"https://{vault.name.lower()}.{addresses().authority_part}",
        }


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


class NewVault(FormPage, VaultPage):
    permissions: ClassVar = {"get": P.TEST_VAULTS_CREATE, "post": P.TEST_VAULTS_CREATE}

    def form(self, data: Any = None) -> TestVaultForm:
        return TestVaultForm(data)

    def submit(self, form: TestVaultForm) -> HttpResponse:
        """Create the vault; it serves when this returns."""
        vault = operations.create_test_vault(grant=self.grant(), now=now(), **form.cleaned_data)
        text = f"Test vault {vault.name} is ready. Create its first key."
        return self.redirect_with_success(text, "dev:vault", vault.name)

    def texts(self, form: TestVaultForm) -> dict[str, Any]:
        lead = "The same API as in production. Keys are software-protected; only you and your applications have access."
        return {
            "title": "Create a test vault",
            "lead": lead,
            "verb": "Create test vault",
            "command": form.cli.of(test="on"),
            "crumb": "Vaults",
            "crumb_url": reverse("dev:vaults"),
        }


class OneVault(VaultPage):
    permissions: ClassVar = {"get": P.VAULTS_LIST}
    template = "portal/developers/vault.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """One kind of its objects, a page at a time; or its usage."""
        vault = self.vault()
        principal = self.grant().principal
        context = self.tabs(vault)
        tab = request.GET.get("tab", "") or next(iter(context["kinds"]), "keys")
        if tab == "usage" and context["whole"]:
            self.grant(Scope.of(vault), P.USAGE_READ)
            since = now() - timedelta(hours=6)
            context["chart"] = charts.lines(usage.per_minute(since=since, until=now(), vault_id=vault.pk))
            context["callers"] = usage.callers_of(vault_id=vault.pk, operations=USES, since=now() - timedelta(days=90))
            context["names"] = {str(row.client_id): row.name for row in self.applications().values()}
        elif tab in context["kinds"]:
            text, after = request.GET.get("q", "").replace("\0", ""), request.GET.get("after", "").replace("\0", "")
            rows = inventory.list_objects(
                principal=principal, vault=vault, kind=tab, search=text, after=after, limit=PAGE + 1
            )
            more = rows[PAGE - 1].folded_name if len(rows) > PAGE else ""
            context |= {"rows": rows[:PAGE], "q": text, "after": after, "more": more}
        return self.show(**context, tab=tab)


class Access(VaultPage):
    """Roles in a test vault: those of its owner's applications."""

    permissions: ClassVar = {"get": P.ROLES_READ, "post": P.ROLES_ASSIGN}
    require_reauth = True
    template = "portal/developers/access.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Those that have a role, and the form for giving one; a page that says what is missing fills it in."""
        vault = self.vault()
        self.grant(Scope.of(vault))
        wanted = {field: request.GET[field] for field in ("application", "role") if field in request.GET}
        return self._show(vault, self._form(initial=wanted))

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Assign a role to one of the developer's applications."""
        vault = self.vault()
        grant = self.grant(Scope.of(vault))
        form = self._form(request.POST)
        if not form.is_valid():
            return self._show(vault, form)
        application = get_visible_application(grant.principal, name=form.cleaned_data["application"])
        role_assignments.assign_role(
            grant=grant,
            vault=vault,
            assignee=Assignee(application.user_id, application.name),
            role=form.cleaned_data["role"],
            target=("vault", vault.pk, ""),
            now=now(),
        )
        text = f"Role assigned to {application.name} on {vault.name}."
        return self.redirect_with_success(text, "dev:vault_access", vault.name)

    def _form(self, data: Any = None, **rest: Any) -> RoleForm:
        return RoleForm(data, applications=list(self.applications().values()), **rest)

    def _show(self, vault: Vault, form: RoleForm) -> HttpResponse:
        rows = [
            {**row, "role_name": ROLES[row["role"]].name if row["role"] in ROLES else row["role"]}
            for row in describe_assignments(vault)
            if row["role"] != "test-vault-owner"
        ]
        take = "\n".join(revoke(vault.name, row) for row in rows)
        give = form.cli.of(vault=vault.name)
        shown = {**self.tabs(vault), "tab": "access", "form": form, "assigned": rows, "give": give, "take": take}
        return self.show(400 if form.errors else 200, **shown)


class RemoveRole(VaultPage):
    permissions: ClassVar = {"post": P.ROLES_ASSIGN}
    error_page = ("dev:vault_access", "name")

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Revoke a role, at once."""
        vault = self.vault()
        grant = self.grant(Scope.of(vault))
        application = get_visible_application(grant.principal, name=request.POST.get("application", ""))
        item = {kind: request.POST.get(kind, "") for kind in ("key", "secret", "certificate")}
        target = find_target(vault, **item)
        role_assignments.remove_role(
            grant=grant,
            vault=vault,
            assignee=application.user_id,
            role=request.POST.get("role", ""),
            target=(target.object_type, target.object_id, target.name),
        )
        text = f"Role of {application.name} on {vault.name} revoked. Effective within one second."
        return self.redirect_with_success(text, "dev:vault_access", vault.name)
