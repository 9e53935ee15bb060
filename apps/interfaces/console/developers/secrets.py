"""Secrets of a developer's: setting, editing from a base version, and revealing. No page holds a value unasked.

What somebody types stays in their browser: a page that shows the form again never carries the value back.
"""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import now
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
from apps.interfaces.console import form_commands
from apps.interfaces.console.developers.forms import NewSecretForm
from apps.interfaces.console.developers.objects import ObjectPage

P = Permission


class SecretPage(ObjectPage):
    """What its subclasses share."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.kwargs["kind"] = "secrets"

    @staticmethod
    def value_of(request: HttpRequest) -> str:
        """What was typed. Browsers send line ends as CRLF; a secret has those that its author sees."""
        return request.POST.get("value", "").replace("\r\n", "\n")


class NewSecret(SecretPage):
    permissions: ClassVar = {"get": P.SECRETS_SET, "post": P.SECRETS_SET}
    template = "portal/developers/secret_edit.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """The form."""
        del request, name
        vault = self.vault()
        self.grant(Scope.of(vault))
        return self._form(vault, NewSecretForm())

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set a secret that was not there."""
        del name
        vault = self.vault()
        form = NewSecretForm(request.POST)
        if not form.is_valid():
            return self._form(vault, form)
        data = form.cleaned_data
        try:
            made = secret_values.set_value(
                grant=self.grant(Scope.of(vault, "secret", data["name"])),
                vault=vault,
                name=data["name"],
                value=self.value_of(request),
                spec=Spec(content_type=data["content_type"] or None),
                base_version="",
                now=now(),
            )
        except SecretChanged:
            form.add_error("name", "A secret with this name already exists. Edit it instead.")
            return self._form(vault, form)
        except VaultError as error:
            form.add_error("name", error.message)
            return self._form(vault, form)
        text = f"Secret {made.secret.name} is set."
        return self.done(text, "dev:object", vault.name, "secrets", made.secret.name)

    def _form(self, vault: Vault, form: NewSecretForm) -> HttpResponse:
        return self.show(
            400 if form.errors else 200,
            vault=vault,
            form=form,
            largest=LARGEST_VALUE_BYTES,
            title=f"Set a secret in {vault.name}",
            verb="Set secret",
            command=form_commands.secret_new(vault.name),
            crumb_url=reverse("dev:vault", args=[vault.name]) + "?tab=secrets",
        )

    def came_from(self) -> str:
        return reverse("dev:vault", args=[self.kwargs["name"]])


class EditSecret(SecretPage):
    """A new value from a base version; a comparison before it opens values."""

    permissions: ClassVar = {"get": P.SECRETS_SET, "post": P.SECRETS_SET}
    template = "portal/developers/secret_edit.html"
    require_reauth_before_form = True

    def get(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """An empty field and the version that the edit starts from."""
        del request, name, item
        vault, row, scope = self.found()
        self.grant(scope)
        return self._form(vault, row, base=row.current.version)

    def post(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """Compare, or save; when somebody was faster, a comparison of three and nothing saved."""
        del name, item
        vault, row, scope = self.found()
        grant, base, value = self.grant(scope), request.POST.get("base", ""), self.value_of(request)
        if request.POST.get("act") == "compare":
            return self._compared(vault, row, scope, base=base, mine=value, clash=base != row.current.version)
        try:
            made = secret_values.set_value(
                grant=grant,
                vault=vault,
                name=row.name,
                value=value,
                spec=None,
                base_version=base,
                now=now(),
            )
        except SecretChanged:
            _vault, row, _scope = self.found()
            return self._compared(vault, row, scope, base=base, mine=value, clash=True)
        text = f"{row.name} saved as version {made.version[:8]}."
        answer = self.done(text, "dev:object", vault.name, "secrets", row.name)
        if request.headers.get("HX-Request"):  # the page as a whole goes there
            return HttpResponse(status=204, headers={"HX-Redirect": answer["Location"]})
        return answer

    def back(self, error: VaultError) -> HttpResponse:
        """Htmx leaves the form as it is, with what was typed."""
        if self.request.headers.get("HX-Request"):
            return self.show(template="portal/developers/compared.html", problem=error.message)
        return super().back(error)

    def came_from(self) -> str:
        return self.request.path

    def _compared(self, vault: Vault, row: Any, scope: Scope, *, base: str, mine: str, clash: bool) -> HttpResponse:
        newest = row.current.version
        lines = None
        if self.may(P.SECRETS_GET, scope):
            values = [self._value(vault, row, scope, version) for version in dict.fromkeys((base, newest))]
            lines = diff_values(base=values[0], theirs=values[-1], mine=mine)
        command = form_commands.secret_edit(vault.name, row.name, newest)
        shown = {"lines": lines, "clash": clash, "began": base, "newest": newest}
        if self.request.headers.get("HX-Request"):
            return self.show(template="portal/developers/compared.html", command=command, row=row, vault=vault, **shown)
        if clash:
            messages.warning(self.request, "Someone else saved first; your change was not saved.")
        return self._form(vault, row, base=newest, status=409 if clash else 200, **shown)

    def _value(self, vault: Vault, row: Any, scope: Scope, version: str) -> str:
        """Opened for the comparison, and recorded as read by this person."""
        reason = "comparing before an edit"
        known = {found.version for found in inventory.versions_of(row, limit=1000)}
        if version not in known:
            return ""
        _facts, value = secret_values.reveal(
            grant=self.grant(scope, P.SECRETS_GET),
            vault=vault,
            name=row.name,
            version=version,
            reason=reason,
            now=now(),
        )
        return value

    def _form(self, vault: Vault, row: Any, *, base: str, status: int = 200, **context: Any) -> HttpResponse:
        return self.show(
            status,
            **{
                "vault": vault,
                "row": row,
                **context,
                "base": base,
                "largest": LARGEST_VALUE_BYTES,
                "title": f"Edit {row.name}",
                "verb": f"Save {row.name}",
                "command": form_commands.secret_edit(vault.name, row.name, base),
                "crumb_url": reverse("dev:object", args=[vault.name, "secrets", row.name]),
            },
        )


class Reveal(SecretPage):
    """The one page that carries a value: asked for with a reason, recorded, kept by nobody, gone after 30 seconds."""

    permissions: ClassVar = {"post": P.SECRETS_GET}
    template = "portal/developers/revealed.html"
    require_reauth = True
    shown_seconds: ClassVar[int] = 30

    def post(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """Show the value of a version."""
        del name, item
        vault, row, scope = self.found()
        facts, value = secret_values.reveal(
            grant=self.grant(scope),
            vault=vault,
            name=row.name,
            version=request.POST.get("version", ""),
            reason=request.POST.get("reason", ""),
            now=now(),
        )
        answer = self.show(vault=vault, row=row, version=facts.version, value=value, seconds=self.shown_seconds)
        answer["Cache-Control"] = "no-store"
        answer["Pragma"] = "no-cache"
        return answer
