"""One key, secret or certificate of a developer's: versions, use it, calls; and what their roles let them do to it."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog import operations
from apps.domain.catalog import queries as inventory
from apps.domain.catalog.test_calls import test_permission
from apps.domain.keys import rotation_policy
from apps.domain.keys.operations import creation as keys
from apps.domain.keys.queries import find_rotation_policy
from apps.domain.vaults.models import Vault
from apps.interfaces.console import form_commands
from apps.interfaces.console.developers.base import DevPage
from apps.interfaces.console.developers.forms import KeyForm, RevealForm
from apps.interfaces.console.usage_snippets import use_it
from apps.usage import queries as usage

P = Permission


class ObjectPage(DevPage):
    """What its subclasses share."""

    section = "dev:vaults"

    def facts(self, language: str = "python") -> dict[str, Any]:
        """What every tab of an object shows. Raises `ObjectNotFound`."""
        vault, row, scope = self.found()
        kind = self.kwargs.get("kind", "keys")
        uses = usage.uses_of_object(vault_id=vault.pk, object_id=f"{kind}/{row.name}")
        policy = find_rotation_policy(row) if kind == "keys" else None
        singular, may = (
            inventory.SINGULAR[kind],
            {act: self.may(inventory.permission_for(kind, act), scope) for act in _ACTS[kind]},
        )
        return {
            "vault": vault,
            "row": row,
            "kind": kind,
            "versions": inventory.versions_of(row, limit=100),
            "uses": uses,
            "names": {str(app.client_id): app.name for app in self.applications().values()},
            "next_rotation": rotation_policy.due_date(policy, row.current) if policy else None,
            "may": may,
            "command": form_commands.of_developers_object(singular, vault.name, row, may),
            "try_command": form_commands.act_on(singular, "try", vault.name, row.name),
            "reveal_form": RevealForm(),
            "reveal_command": form_commands.secret_reveal(vault.name, row.name),
            "may_try": self.may(test_permission(kind, row), scope),
            "new_application": reverse("dev:application_new"),
            **use_it(vault, kind, row, language),
        }

    def came_from(self) -> str:
        kind = self.kwargs.get("kind", "keys")
        return reverse("dev:object", args=[self.kwargs["name"], kind, self.kwargs["item"]])


_ACTS = {
    "keys": ("rotate", "update", "delete", "recover"),
    "secrets": ("get", "set", "update", "delete", "recover"),
    "certificates": ("update", "delete", "recover"),
}


class OneObject(ObjectPage):
    permissions: ClassVar = {"get": P.VAULTS_READ}
    template = "portal/developers/object.html"

    def get(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """The tabs: versions, use it, calls."""
        del name, kind, item
        _vault, _row, scope = self.found()
        self.grant(scope)
        return self.show(tab=request.GET.get("tab", "versions"), **self.facts(request.GET.get("lang", "python")))


class NewKey(ObjectPage):
    permissions: ClassVar = {"get": P.KEYS_CREATE, "post": P.KEYS_CREATE}
    template = "portal/parts/form_page.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """The form."""
        del request, name
        vault = self.vault()
        self.grant(Scope.of(vault))
        return self._form(vault, KeyForm(test=vault.test))

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Make the key."""
        del name
        vault = self.vault()
        form = KeyForm(request.POST, test=vault.test)
        if not form.is_valid():
            return self._form(vault, form)
        scope = Scope.of(vault, "key", form.cleaned_data["name"])
        try:
            made = keys.create(
                grant=self.grant(scope), vault=vault, name=form.cleaned_data["name"], spec=form.spec(), now=now()
            )
        except VaultError as error:
            form.add_error("name", error.message)
            return self._form(vault, form)
        text = f"Key {made.key.name} is ready. Run a test call, or copy a code sample."
        answer = self.done(text, "dev:object", vault.name, "keys", made.key.name)
        answer["Location"] += "?tab=use"
        return answer

    def _form(self, vault: Vault, form: KeyForm) -> HttpResponse:
        return self.show(
            400 if form.errors else 200,
            form=form,
            title=f"Create a key in {vault.name}",
            lead="If the name exists, a new version is created. Old versions still decrypt.",
            verb="Create key",
            command=form_commands.key_new(vault.name, test=vault.test),
            crumb=vault.name,
            crumb_url=reverse("dev:vault", args=[vault.name]),
        )

    def came_from(self) -> str:
        return reverse("dev:vault", args=[self.kwargs["name"]])


class Act(ObjectPage):
    """An act on an object; from the bench, back to the bench."""

    permissions: ClassVar = {"post": P.VAULTS_READ}  # the permission of the act itself is asked for below

    def after(self, text: str, vault: Vault) -> HttpResponse:
        """Where its effect is seen."""
        if self.request.POST.get("from") == "bench":
            return self.done(text, "dev:bench", vault.name)
        return self.done(text, "dev:object", vault.name, self.kwargs.get("kind", "keys"), self.kwargs["item"])

    def came_from(self) -> str:
        if self.request.POST.get("from") == "bench":
            return reverse("dev:bench", args=[self.kwargs["name"]])
        return super().came_from()


class RotateKey(Act):
    permissions: ClassVar = {"post": P.KEYS_ROTATE}

    def post(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """A new version now; the old ones stay."""
        del request, name, item
        vault, row, scope = self.found()
        made = keys.rotate(grant=self.grant(scope), vault=vault, name=row.name, now=now())
        text = f"{vault.name}/{row.name} rotated to version {made.version[:8]}. Older versions still decrypt."
        return self.after(text, vault)


class SwitchVersion(Act):
    """Enable or disable one version."""

    def post(self, request: HttpRequest, name: str, kind: str, item: str, version: str) -> HttpResponse:
        """Takes effect everywhere within one second."""
        del name, item
        vault, row, scope = self.found()
        enabled = request.POST.get("enabled") == "yes"
        grant = self.grant(scope, inventory.permission_for(kind, "update"))
        operations.set_version_enabled(
            grant=grant, vault=vault, kind=kind, name=row.name, version=version, enabled=enabled, now=now()
        )
        text = f"Version {version[:8]} of {row.name} is {'enabled' if enabled else 'disabled'}."
        return self.after(text, vault)


class Delete(Act):
    def post(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """Softly: it can be recovered."""
        del request, name, item
        vault, row, scope = self.found()
        grant = self.grant(scope, inventory.permission_for(kind, "delete"))
        operations.delete(grant=grant, vault=vault, kind=kind, name=row.name, now=now())
        return self.after(f"{row.name} is deleted. It can be recovered.", vault)


class Recover(Act):
    def post(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """Make it live again."""
        del request, name, item
        vault, row, scope = self.found()
        grant = self.grant(scope, inventory.permission_for(kind, "recover"))
        operations.recover(grant=grant, vault=vault, kind=kind, name=row.name)
        return self.after(f"{row.name} is recovered.", vault)
