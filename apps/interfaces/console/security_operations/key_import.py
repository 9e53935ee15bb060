"""The page that imports a key into a vault."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.core.clock import lifecycle_now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.keys.operations import creation as keys
from apps.domain.keys.rules import NewKey
from apps.interfaces.console.security_operations.base import VaultPage
from apps.interfaces.console.security_operations.forms import ImportForm
from apps.interfaces.console.vault_pages import VaultFormPage


class ImportKey(VaultFormPage, VaultPage):
    permissions: ClassVar = {"get": Permission.KEYS_IMPORT, "post": Permission.KEYS_IMPORT}
    template = "portal/secops/key_import.html"
    require_reauth_before_form = True  # the key is in the form
    uses_objects = True
    error_field = None

    def form(self, data: Any = None) -> ImportForm:
        return ImportForm(data, self.request.FILES or None, initial={"name": self.request.GET.get("key", "")})

    def submit(self, form: ImportForm) -> HttpResponse:
        """Import the key. On a production vault the same file is sent again after the approval."""
        name = form.cleaned_data["name"]
        grant = self.grant(Scope.of(self.vault, "key", name))
        material = form.key_material()
        spec = NewKey(
            material.key_type, form.cleaned_data["protection"] == "hsm", material.parameter, material.operations
        )
        try:
            made = keys.import_key(
                grant=grant, vault=self.vault, name=name, spec=spec, material=material.material, now=lifecycle_now()
            )
        except ApprovalRequired as error:
            text = f"{error.message} Keep the file: you need it again after the approval."
            messages.warning(self.request, text)
            return redirect(f"{self.request.path}?key={name}")
        text = f"Key {made.name} imported, version {made.version[:8]}. Destroy the file and every copy of it now."
        page = reverse("secops:object", args=[self.vault.name, "keys", made.name])
        return self.redirect_with_success(text, f"{page}?tab=use")

    def texts(self, form: ImportForm) -> dict[str, Any]:
        return {"vault": self.vault, "command": form.cli.of(vault=self.vault.name)}

    def show_form(self, form: ImportForm) -> HttpResponse:
        """A form with mistakes is shown without the key."""
        return super().show_form(form.emptied_of_key() if form.is_bound else form)
