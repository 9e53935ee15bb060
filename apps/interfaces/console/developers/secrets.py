"""Secrets of a developer's: setting, editing from a base version, and revealing. No page holds a value unasked.

A typed value stays in the browser: a page that shows the form again does not contain it.
"""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import lifecycle_now
from apps.core.errors import VaultError
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog import queries as inventory
from apps.domain.secrets.operations import values as secret_values
from apps.domain.secrets.operations.values import SecretChanged
from apps.domain.secrets.rules import LARGEST_VALUE_BYTES
from apps.domain.secrets.rules import NewSecret as Spec
from apps.domain.secrets.value_diff import diff_values
from apps.domain.vaults.models import Vault
from apps.interfaces.console.developers.base import VaultPage
from apps.interfaces.console.developers.forms import NewSecretForm
from apps.interfaces.console.developers.objects import ObjectPage
from apps.interfaces.console.form_commands import command
from apps.interfaces.console.vault_pages import VaultFormPage

P = Permission


def _value_of(request: HttpRequest) -> str:
    """The value that was typed. Browsers send line ends as CRLF; the secret has those that its author sees."""
    return request.POST.get("value", "").replace("\r\n", "\n")


class NewSecret(VaultFormPage, VaultPage):
    uses_objects = True
    permissions: ClassVar = {"get": P.SECRETS_SET, "post": P.SECRETS_SET}
    template = "portal/developers/secret_edit.html"
    error_page = ("dev:vault", "name")
    form_class = NewSecretForm
    verb = "Set secret"

    def submit(self, form: NewSecretForm) -> HttpResponse:
        """Set a secret that did not exist."""
        vault, data = self.vault, form.cleaned_data
        try:
            made = secret_values.set_value(
                grant=self.grant(Scope.of(vault, "secret", data["name"])),
                vault=vault,
                name=data["name"],
                value=_value_of(self.request),
                spec=Spec(content_type=data["content_type"] or None),
                base_version="",
                now=lifecycle_now(),
            )
        except SecretChanged:
            raise SecretChanged("A secret with this name already exists. Edit it instead.") from None
        text = f"Secret {made.secret.name} is set."
        return self.redirect_with_success(text, "dev:object", vault.name, "secrets", made.secret.name)

    def texts(self, form: NewSecretForm) -> dict[str, Any]:
        texts = super().texts(form)
        more = {"vault": self.vault, "largest": LARGEST_VALUE_BYTES, "title": f"Set a secret in {self.vault.name}"}
        return {**texts, **more, "crumb_url": texts["crumb_url"] + "?tab=secrets"}


class EditSecret(ObjectPage):
    """A new value from a base version; a comparison before it opens values."""

    kind = "secrets"
    uses_objects = True
    permissions: ClassVar = {"get": P.SECRETS_SET, "post": P.SECRETS_SET}
    template = "portal/developers/secret_edit.html"
    require_reauth_before_form = True

    def get(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """An empty field and the version that the edit starts from."""
        vault, row, scope = self.find_object()
        self.grant(scope)
        return self._form(vault, row, base=row.current.version)

    def post(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """Compare, or save; if the secret was changed in the meantime, compare three values and save nothing."""
        vault, row, scope = self.find_object()
        grant, base, value = self.grant(scope), request.POST.get("base", ""), _value_of(request)
        if request.POST.get("act") == "compare":
            return self._compared(vault, row, scope, base=base, mine=value, clash=base != row.current.version)
        try:
            made = secret_values.set_value(
                grant=grant, vault=vault, name=row.name, value=value, spec=None, base_version=base, now=lifecycle_now()
            )
        except SecretChanged:
            _vault, row, _scope = self.find_object()
            return self._compared(vault, row, scope, base=base, mine=value, clash=True)
        text = f"{row.name} saved as version {made.version[:8]}."
        answer = self.redirect_with_success(text, "dev:object", vault.name, "secrets", row.name)
        if request.headers.get("HX-Request"):  # the whole page is redirected
            return HttpResponse(status=204, headers={"HX-Redirect": answer["Location"]})
        return answer

    def redirect_with_error(self, error: VaultError) -> HttpResponse:
        """Htmx leaves the form as it is, with what was typed."""
        if self.request.headers.get("HX-Request"):
            return self.show(template="portal/developers/compared.html", problem=error.message)
        return super().redirect_with_error(error)

    def error_url(self) -> str:
        return self.request.path

    def _compared(self, vault: Vault, row: Any, scope: Scope, *, base: str, mine: str, clash: bool) -> HttpResponse:
        newest = row.current.version
        lines = None
        if self.may(P.SECRETS_GET, scope):
            values = [self._value(vault, row, scope, version) for version in dict.fromkeys((base, newest))]
            lines = diff_values(base=values[0], theirs=values[-1], mine=mine)
        shown = {"lines": lines, "clash": clash, "began": base, "newest": newest}
        if self.request.headers.get("HX-Request"):
            shown["command"] = command("secret set", row.name, vault=vault.name, base=newest)
            return self.show(template="portal/developers/compared.html", row=row, vault=vault, **shown)
        if clash:
            messages.warning(self.request, "Someone else saved first; your change was not saved.")
        return self._form(vault, row, base=newest, status=409 if clash else 200, **shown)

    def _value(self, vault: Vault, row: Any, scope: Scope, version: str) -> str:
        """Read the value for the comparison; recorded as read by this person."""
        if version not in {found.version for found in inventory.versions_of(row, limit=1000)}:
            return ""
        grant, reason = self.grant(scope, P.SECRETS_GET), "comparing before an edit"
        _facts, value = secret_values.reveal(grant=grant, vault=vault, name=row.name, version=version, reason=reason)
        return value

    def _form(self, vault: Vault, row: Any, *, base: str, status: int = 200, **context: Any) -> HttpResponse:
        return self.show(
            status,
            vault=vault,
            row=row,
            base=base,
            largest=LARGEST_VALUE_BYTES,
            title=f"Edit {row.name}",
            verb=f"Save {row.name}",
            command=command("secret set", row.name, vault=vault.name, base=base),
            crumb_url=reverse("dev:object", args=[vault.name, "secrets", row.name]),
            **context,
        )


class Reveal(ObjectPage):
    """The only page with a value: it needs a reason, is recorded, is not cached, and hides it after 30 seconds."""

    kind = "secrets"
    uses_objects = True
    permissions: ClassVar = {"post": P.SECRETS_GET}
    template = "portal/developers/revealed.html"
    require_reauth = True
    shown_seconds: ClassVar[int] = 30

    def post(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """Show the value of a version."""
        vault, row, scope = self.find_object()
        facts, value = secret_values.reveal(
            grant=self.grant(scope),
            vault=vault,
            name=row.name,
            version=request.POST.get("version", ""),
            reason=request.POST.get("reason", ""),
        )
        answer = self.show(vault=vault, row=row, version=facts.version, value=value, seconds=self.shown_seconds)
        answer["Cache-Control"] = "no-store"
        answer["Pragma"] = "no-cache"
        return answer
