"""One key, secret or certificate of a developer's: versions, use it, calls; and what their roles let them do to it."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog import queries as inventory
from apps.domain.catalog import visibility
from apps.domain.catalog.test_calls import test_permission
from apps.domain.keys.queries import KeyFacts
from apps.domain.vaults.models import Vault
from apps.interfaces.console import object_pages
from apps.interfaces.console.developers.base import DevPage, VaultPage
from apps.interfaces.console.developers.forms import KeyForm, RevealForm
from apps.interfaces.console.form_commands import command, commands

_TABS = {"versions": "Versions", "use": "Code samples", "usage": "Calls"}


class ObjectPage(object_pages.ObjectPage, DevPage):
    """Base of the pages about one object. Operations on the page of the lifecycle simulation lead back to it."""

    section = "dev:vaults"

    def find_object(self) -> tuple[Vault, Any, Scope]:
        """The vault and the object of the address, if the person may know of them. Raises `ObjectNotFound`."""
        vault, row, scope = super().find_object()
        if not visibility.knows_kind(self.principal, scope, self.kwargs["kind"]):
            raise inventory.object_not_found(scope.object_type, row.name, vault_name=vault.name)
        return vault, row, scope

    def object_url(self) -> str:
        if self.request.POST.get("from") == "bench":
            return reverse("dev:bench", args=[self.kwargs["name"]])
        return super().object_url()

    def show_object(self, tab: str, language: str, **context: Any) -> HttpResponse:
        """The page with a tab of the object. Raises `ObjectNotFound`."""
        vault, row, scope = self.find_object()
        facts = self.facts(vault, row, language)
        kind, singular = facts["kind"], facts["singular"]
        may = {act: self.may(inventory.permission_for(kind, act), scope) for act in _ACTS[kind]}
        return self.show(
            template="portal/developers/object.html",
            tab=tab,
            tabs=_TABS | ({"consumers": "Consumers"} if kind == "keys" else {}),
            **facts,
            **(self.consumers_tab(vault, row) if tab == "consumers" and kind == "keys" else {}),
            **context,
            names={str(app.client_id): app.name for app in self.applications().values()},
            may=may,
            command=_commands(singular, vault, row, may),
            try_command=command(f"{singular} try", row.name, vault=vault.name),
            reveal_form=RevealForm(),
            reveal_command=RevealForm.cli.of(vault=vault.name, secret=row.name, reveal="on"),
            may_try=self.may(test_permission(kind, row), scope),
            new_application=reverse("dev:application_new"),
        )


def _commands(singular: str, vault: Vault, row: Any, may: dict[str, bool]) -> str:
    """The commands that the person's roles allow on an object as it is now."""
    if row.deleted:
        acts = ["recover"] if may.get("recover") else []
    else:
        acts = ["show"]
        if not row.managed:
            acts += ["disable" if row.current.enabled else "enable"] if may.get("update") else []
            acts += [act for act in ("rotate", "delete") if may.get(act)]
    return commands(singular, acts, row.name, vault=vault.name)


_ACTS = {
    "keys": ("rotate", "update", "delete", "recover"),
    "secrets": ("get", "set", "update", "delete", "recover"),
    "certificates": ("update", "delete", "recover"),
}


class OneObject(ObjectPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}

    def get(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """The tabs: versions, use it, calls."""
        _vault, _row, scope = self.find_object()
        self.grant(scope)
        return self.show_object(request.GET.get("tab", "versions"), request.GET.get("lang", "python"))


class NewKey(object_pages.KeyCreationPage, VaultPage):
    error_page = ("dev:vault", "name")

    def form(self, data: Any = None) -> KeyForm:
        return KeyForm(data, test=self.vault.test)

    def success_text(self, version: KeyFacts) -> str:
        return f"Key {version.name} is ready. Run a test call, or copy a code sample."


class RotateKey(object_pages.KeyRotation, ObjectPage):
    pass


class SwitchVersion(object_pages.VersionSwitch, ObjectPage):
    pass


class Delete(object_pages.Deletion, ObjectPage):
    pass


class Recover(object_pages.Recovery, ObjectPage):
    pass
