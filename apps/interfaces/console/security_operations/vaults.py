"""Vaults: the list, making one, what is in one, its settings, stopping and deleting it."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property

from apps.audit_log.operation_names import USES, Operation
from apps.core.clock import lifecycle_now, now
from apps.core.errors import BadRequest
from apps.domain.access.permissions import Permission
from apps.domain.catalog import default_policies
from apps.domain.catalog import queries as inventory
from apps.domain.identity.queries import application_names
from apps.domain.vaults import deletion, operations
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_deleted_vault, list_deleted_vaults, list_vaults
from apps.interfaces.console.base import FormPage
from apps.interfaces.console.form_commands import MOST_LINES, command
from apps.interfaces.console.security_operations.base import SecopsPage, VaultPage
from apps.interfaces.console.security_operations.forms import VaultForm, VaultSettingsForm
from apps.interfaces.console.security_operations.log_destinations import card_of
from apps.interfaces.console.security_operations.rotation_forms import DefaultPolicyForm
from apps.usage import queries as usage


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
        rows = [(vault, counts[vault.pk]) for vault in vaults]
        return self.show(rows=rows, q=text, deleted=len(list_deleted_vaults()))


class NewVault(FormPage, SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_CREATE, "post": Permission.VAULTS_CREATE}
    section = "secops:vaults"
    form_class = VaultForm
    title = "Create a vault"
    lead = "A vault holds keys, secrets and certificates, and has its own host name."
    verb = "Create vault"
    parent = ("Vaults", "secops:vaults")

    def submit(self, form: VaultForm) -> HttpResponse:
        """Create the vault, with its key in the HSM."""
        vault = operations.create(grant=self.grant(), now=lifecycle_now(), **form.cleaned_data)
        text = f"Vault {vault.name} is ready. Create its first key."
        return self.redirect_with_success(text, "secops:vault", vault.name)


class OneVault(VaultPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    template = "portal/secops/vault.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """One kind of its objects, a page at a time; or its usage."""
        self.grant(self.scope())
        tab = request.GET.get("tab", "keys")
        context = self.facts()
        if tab in inventory.KINDS:
            context |= self.objects_tab(tab)
        elif tab == "usage":
            context |= {"names": application_names(), **self.usage_tab()}
        return self.show(**context, tab=tab)


class VaultSettings(VaultPage, FormPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ, "post": Permission.VAULTS_UPDATE}
    template = "portal/secops/vault_settings.html"
    require_reauth = True
    errors_in_form = False

    def form(self, data: Any = None) -> VaultSettingsForm:
        return VaultSettingsForm(data, vault=self.vault)

    def submit(self, form: VaultSettingsForm) -> HttpResponse:
        """Change retention, protection, guard."""
        name = self.vault.name
        operations.update(grant=self.grant(self.scope()), name=name, now=lifecycle_now(), **form.cleaned_data)
        return self.redirect_with_success(f"Settings of {name} changed.", "secops:vault_settings", name)

    def texts(self, form: VaultSettingsForm) -> dict[str, Any]:
        """With what stopping the vault would break, and its log."""
        name, since = self.vault.name, now() - timedelta(days=1)
        return {
            "vault": self.vault,
            "callers": usage.callers_of(vault_id=self.vault.pk, operations=USES, since=since),
            "names": application_names(),
            "command": form.cli.of(vault=name),
            "default_form": DefaultPolicyForm.of_vault(default_policies.find_defaults(vault=self.vault)),
            "default_command": DefaultPolicyForm.cli.of(vault=name),
            "freeze": command(f"vault {'unfreeze' if self.vault.frozen else 'freeze'}", name),
            **card_of(self.vault),
        }


class SetDefaultPolicies(VaultPage):
    permissions: ClassVar = {"post": Permission.VAULTS_UPDATE}
    operation = Operation.PAGE_VAULT_SETTINGS
    require_reauth = True
    error_page = ("secops:vault_settings", "name")

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set the default policies of the vault."""
        form = DefaultPolicyForm(request.POST)
        if not form.is_valid():
            raise BadRequest(" ".join(str(error) for errors in form.errors.values() for error in errors))
        existing = form.cleaned_data["existing_keys"]
        default_policies.set_defaults(
            grant=self.grant(self.scope()),
            vault=self.vault,
            changes=form.changes(),
            existing_keys=existing,
            now=lifecycle_now(),
        )
        text = f"Default policies of {self.vault.name} set."
        return self.redirect_with_success(text, "secops:vault_settings", self.vault.name)


class VaultNotConfirmed(BadRequest):
    """The typed name is missing or another one."""


class DeleteVault(VaultPage):
    permissions: ClassVar = {"get": Permission.VAULTS_DELETE, "post": Permission.VAULTS_DELETE}
    template = "portal/secops/vault_delete.html"
    require_reauth = True

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """What the deletion would break, and the form with the typed name."""
        self.grant(self.scope())
        since = now() - timedelta(days=1)
        return self.show(
            vault=self.vault,
            counts=inventory.counts_by_vault()[self.vault.pk],
            callers=usage.callers_of(vault_id=self.vault.pk, operations=USES, since=since),
            names=application_names(),
            command=command("vault delete", self.vault.name, yes_delete=self.vault.name),
        )

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Delete the vault. On a production vault a second person approves it first."""
        grant = self.grant(self.scope())
        _check_typed(request, self.vault.name)
        deletion.delete(grant=grant, vault=self.vault, now=lifecycle_now())
        return self.redirect_with_success(f"Vault {self.vault.name} is deleted.", "secops:deleted_vaults")


class DeletedVaultPage(VaultPage):
    """Base of the operations on a deleted vault; errors are shown with the list."""

    require_reauth = True

    @cached_property
    def vault(self) -> Vault:
        """The deleted vault of the address. Raises `VaultNotFound`."""
        return get_deleted_vault(name=self.kwargs["name"])

    def error_url(self) -> str:
        return reverse("secops:deleted_vaults")


class DeletedVaults(SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    section = "secops:vaults"
    template = "portal/secops/deleted_vaults.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The deleted vaults, the next to be purged first."""
        self.grant()
        rows = list_deleted_vaults()
        lines = [
            f"{command('vault recover', row.name)}\n{command('vault purge', row.name, yes_purge=row.name)}"
            for row in rows[:MOST_LINES]
        ]
        return self.show(rows=rows, command="\n".join(lines))


class RecoverVault(DeletedVaultPage):
    permissions: ClassVar = {"post": Permission.VAULTS_DELETE}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Let the vault serve again."""
        vault = deletion.recover(grant=self.grant(self.scope()), vault=self.vault)
        return self.redirect_with_success(f"Vault {vault.name} is recovered.", "secops:vault", vault.name)


class PurgeVault(DeletedVaultPage):
    permissions: ClassVar = {"post": Permission.VAULTS_PURGE}

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Remove the vault for good. On a production vault a second person approves it first."""
        grant = self.grant(self.scope())
        _check_typed(request, self.vault.name)
        deletion.purge(grant=grant, vault=self.vault, now=lifecycle_now())
        return self.redirect_with_success(f"Vault {self.vault.name} is purged.", "secops:deleted_vaults")


def _check_typed(request: HttpRequest, name: str) -> None:
    """Raise `VaultNotConfirmed` unless the person has typed the name."""
    if request.POST.get("typed") != name:
        raise VaultNotConfirmed(f"Type the name {name} to confirm. Nothing was changed.")


class FreezeVault(VaultPage):
    permissions: ClassVar = {"post": Permission.VAULTS_UPDATE}
    require_reauth = True

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Stop a vault's data plane, or let it serve again."""
        frozen = request.POST.get("frozen") == "yes"
        operations.set_frozen(grant=self.grant(self.scope()), name=name, frozen=frozen)
        name = self.vault.name
        text = f"{name} is frozen; all requests are blocked." if frozen else f"{name} is unfrozen."
        return self.redirect_with_success(text, "secops:vault_settings", name)
