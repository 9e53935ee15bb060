"""The page that imports a key into a vault."""

from typing import ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.keys.operations import creation as keys
from apps.domain.keys.rules import NewKey
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.forms import ImportForm


class ImportKey(SecopsPage):
    permissions: ClassVar = {"get": Permission.KEYS_IMPORT, "post": Permission.KEYS_IMPORT}
    section = "secops:vaults"
    template = "portal/secops/key_import.html"
    require_reauth_before_form = True  # the key is in the form
    error_page = ("secops:key_import", "name")

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """The form."""
        vault = get_vault(name=name)
        self.grant(Scope.of(vault))
        return self._form(vault, ImportForm(initial={"name": request.GET.get("key", "")}))

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Import the key. On a production vault the same file is sent again after the approval."""
        vault = get_vault(name=name)
        form = ImportForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._form(vault, form.without_the_key())
        wanted = form.cleaned_data["name"]
        grant = self.grant(Scope.of(vault, "key", wanted))
        try:
            material = form.brought()
            hardware = form.cleaned_data["protection"] == "hsm"
            spec = NewKey(material.key_type, hardware, material.parameter, material.operations)
            made = keys.import_key(
                grant=grant, vault=vault, name=wanted, spec=spec, material=material.material, now=now()
            )
        except ApprovalRequired as error:
            messages.warning(request, f"{error.message} Keep the file: you need it again after the approval.")
            return redirect(f"{self.error_url()}?key={wanted}")
        except VaultError as error:
            form.add_error(None, error.message)
            return self._form(vault, form.without_the_key())
        text = f"Key {made.key.name} imported, version {made.version[:8]}. Destroy the file and every copy of it now."
        messages.success(request, text)
        return redirect(reverse("secops:object", args=[vault.name, "keys", made.key.name]) + "?tab=use")

    def _form(self, vault: Vault, form: ImportForm) -> HttpResponse:
        return self.show(400 if form.errors else 200, form=form, vault=vault, command=form.cli.of(vault=vault.name))
