"""Vaults: the list, making one, what is in one, its settings, and stopping it."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.audit_log.operation_names import USES
from apps.core.clock import now
from apps.core.principals import Principal
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog import queries as inventory
from apps.domain.identity.queries import addresses, application_names, get_organisation
from apps.domain.vaults import operations
from apps.domain.vaults.queries import get_vault, list_vaults
from apps.interfaces.console import charts
from apps.interfaces.console.base import FormPage
from apps.interfaces.console.form_commands import command
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.forms import VaultForm, VaultSettingsForm
from apps.interfaces.console.security_operations.log_destinations import card_of
from apps.usage import queries as usage

PAGE = 50


class Vaults(SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    section = "secops:vaults"
    template = "portal/secops/vaults.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """All vaults with what they hold."""
        self.grant()
        text = request.GET.get("q", "")
        vaults = [vault for vault in list_vaults() if text.lower() in vault.name.lower()]
        counts = inventory.counts_by_vault()  # after the list: nothing of it can be missing
        return self.show(rows=[(vault, counts[vault.pk]) for vault in vaults], q=text)


class NewVault(FormPage, SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_CREATE, "post": Permission.VAULTS_CREATE}
    section = "secops:vaults"

    def form(self, data: Any = None) -> VaultForm:
        return VaultForm(data)

    def submit(self, form: VaultForm) -> HttpResponse:
        """Create the vault, with its key in the HSM."""
        vault = operations.create(grant=self.grant(), now=now(), **form.cleaned_data)
        return self.redirect_with_success(
            f"Vault {vault.name} is ready. Create its first key.", "secops:vault", vault.name
        )

    def texts(self, form: VaultForm) -> dict[str, Any]:
        return {
            "title": "Create a vault",
            "lead": "A vault holds keys, secrets and certificates, and has its own host name.",
            "verb": "Create vault",
            "command": form.cli,
            "crumb": "Vaults",
            "crumb_url": reverse("secops:vaults"),
        }


class OneVault(SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    section = "secops:vaults"
    template = "portal/secops/vault.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """One kind of its objects, a page at a time; or its usage."""
        vault = get_vault(name=name)
        self.grant(Scope.of(vault))
        tab = request.GET.get("tab", "keys")
        context: dict[str, Any] = {"vault": vault, "url": _url(vault.name), "tab": tab}
        if tab in inventory.KINDS:
            context |= _objects(request, self.principal, vault, tab)
        elif tab == "usage":
            since = now() - timedelta(hours=6)
            context["chart"] = charts.lines(usage.per_minute(since=since, until=now(), vault_id=vault.pk))
            context["callers"] = usage.callers_of(vault_id=vault.pk, operations=USES, since=now() - timedelta(days=90))
            context["names"] = application_names()
        return self.show(**context, tenant_id=get_organisation().tenant_id)


class VaultSettings(SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ, "post": Permission.VAULTS_UPDATE}
    section = "secops:vaults"
    template = "portal/secops/vault_settings.html"
    require_reauth = True

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Retention, protection, guard; and what stopping the vault would break."""
        vault = get_vault(name=name)
        self.grant(Scope.of(vault))
        return self._show(vault, VaultSettingsForm(vault=vault))

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Change them."""
        vault = get_vault(name=name)
        form = VaultSettingsForm(request.POST, vault=vault)
        if not form.is_valid():
            return self._show(vault, form)
        operations.update(grant=self.grant(Scope.of(vault)), name=name, now=now(), **form.cleaned_data)
        return self.redirect_with_success(f"Settings of {vault.name} changed.", "secops:vault_settings", vault.name)

    def _show(self, vault: Any, form: VaultSettingsForm) -> HttpResponse:
        callers = usage.callers_of(vault_id=vault.pk, operations=USES, since=now() - timedelta(days=1))
        card = card_of(vault)
        return self.show(
            400 if form.errors else 200,
            vault=vault,
            form=form,
            callers=callers,
            names=application_names(),
            command=form.cli.of(vault=vault.name),
            freeze=command(f"vault {'unfreeze' if vault.frozen else 'freeze'}", vault.name),
            **card,
        )


class FreezeVault(SecopsPage):
    permissions: ClassVar = {"post": Permission.VAULTS_UPDATE}
    require_reauth = True

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Stop a vault's data plane, or let it serve again."""
        frozen = request.POST.get("frozen") == "yes"
        vault = get_vault(name=name)
        operations.set_frozen(grant=self.grant(Scope.of(vault)), name=name, frozen=frozen)
        text = f"{vault.name} is frozen; all requests are blocked." if frozen else f"{vault.name} is unfrozen."
        return self.redirect_with_success(text, "secops:vault_settings", vault.name)


def _objects(request: HttpRequest, principal: Principal, vault: Any, kind: str) -> dict[str, Any]:
    text, after = request.GET.get("q", ""), request.GET.get("after", "")
    rows = inventory.list_objects(principal=principal, vault=vault, kind=kind, search=text, after=after, limit=PAGE + 1)
    more = rows[PAGE - 1].folded_name if len(rows) > PAGE else ""
    return {"rows": rows[:PAGE], "q": text, "after": after, "more": more}


def _url(name: str) -> str:
    return f"https://{name.lower()}.{addresses().authority_part}"
