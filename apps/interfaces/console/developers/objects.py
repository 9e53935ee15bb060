"""One key, secret or certificate of a developer's: versions, use it, calls; and what their roles let them do to it."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.catalog import operations
from apps.domain.catalog import queries as inventory
from apps.domain.catalog.test_calls import test_permission
from apps.domain.keys import rotation_policy
from apps.domain.keys.models import KeyVersion
from apps.domain.keys.operations import creation as keys
from apps.domain.keys.queries import find_rotation_policy
from apps.domain.vaults.models import Vault
from apps.interfaces.console.developers.base import DevPage
from apps.interfaces.console.developers.forms import KeyForm, RevealForm
from apps.interfaces.console.form_commands import command, commands
from apps.interfaces.console.key_creation import KeyCreationPage
from apps.interfaces.console.usage_snippets import use_it
from apps.usage import queries as usage

P = Permission


class ObjectPage(DevPage):
    """Base of the pages about one object."""

    section = "dev:vaults"
    error_page: ClassVar[tuple[str, ...]] = ("dev:object", "name", "kind", "item")
    kind: ClassVar[str] = "keys"  # of pages whose address has none

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.kwargs.setdefault("kind", self.kind)

    def facts(self, language: str = "python") -> dict[str, Any]:
        """The context of every tab of an object. Raises `ObjectNotFound`."""
        vault, row, scope = self.find_object()
        kind = self.kwargs["kind"]
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
            "command": _commands(singular, vault, row, may),
            "try_command": command(f"{singular} try", row.name, vault=vault.name),
            "reveal_form": RevealForm(),
            "reveal_command": RevealForm.cli.of(vault=vault.name, secret=row.name, reveal="on"),
            "may_try": self.may(test_permission(kind, row), scope),
            "new_application": reverse("dev:application_new"),
            **use_it(vault, kind, row, language),
        }


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
    permissions: ClassVar = {"get": P.VAULTS_READ}
    template = "portal/developers/object.html"

    def get(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """The tabs: versions, use it, calls."""
        _vault, _row, scope = self.find_object()
        self.grant(scope)
        return self.show(tab=request.GET.get("tab", "versions"), **self.facts(request.GET.get("lang", "python")))


class NewKey(KeyCreationPage, ObjectPage):
    urls = "dev"
    error_page = ("dev:vault", "name")

    def form(self, data: Any = None) -> KeyForm:
        return KeyForm(data, test=self.target.test)

    def success_text(self, version: KeyVersion) -> str:
        return f"Key {version.key.name} is ready. Run a test call, or copy a code sample."


class ObjectOperation(ObjectPage):
    """Base of operations on an object; from the test bench they lead back to it."""

    permissions: ClassVar = {"post": P.VAULTS_READ}  # the operation's own permission is checked below

    def after(self, text: str, vault: Vault) -> HttpResponse:
        """Redirect to the page where the effect is seen."""
        if self.request.POST.get("from") == "bench":
            return self.redirect_with_success(text, "dev:bench", vault.name)
        return self.redirect_with_success(text, "dev:object", vault.name, self.kwargs["kind"], self.kwargs["item"])

    def error_url(self) -> str:
        if self.request.POST.get("from") == "bench":
            return reverse("dev:bench", args=[self.kwargs["name"]])
        return super().error_url()


class RotateKey(ObjectOperation):
    permissions: ClassVar = {"post": P.KEYS_ROTATE}

    def post(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """A new version now; the old ones stay."""
        vault, row, scope = self.find_object()
        made = keys.rotate(grant=self.grant(scope), vault=vault, name=row.name, now=now())
        text = f"{vault.name}/{row.name} rotated to version {made.version[:8]}. Older versions still decrypt."
        return self.after(text, vault)


class SwitchVersion(ObjectOperation):
    """Enable or disable one version."""

    def post(self, request: HttpRequest, name: str, kind: str, item: str, version: str) -> HttpResponse:
        """Takes effect everywhere within one second."""
        vault, row, scope = self.find_object()
        enabled = request.POST.get("enabled") == "yes"
        grant = self.grant(scope, inventory.permission_for(kind, "update"))
        operations.set_version_enabled(
            grant=grant, vault=vault, kind=kind, name=row.name, version=version, enabled=enabled, now=now()
        )
        text = f"Version {version[:8]} of {row.name} is {'enabled' if enabled else 'disabled'}."
        return self.after(text, vault)


class Delete(ObjectOperation):
    def post(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """Softly: it can be recovered."""
        vault, row, scope = self.find_object()
        grant = self.grant(scope, inventory.permission_for(kind, "delete"))
        operations.delete(grant=grant, vault=vault, kind=kind, name=row.name, now=now())
        return self.after(f"{row.name} is deleted. It can be recovered.", vault)


class Recover(ObjectOperation):
    def post(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """Make it live again."""
        vault, row, scope = self.find_object()
        grant = self.grant(scope, inventory.permission_for(kind, "recover"))
        operations.recover(grant=grant, vault=vault, kind=kind, name=row.name)
        return self.after(f"{row.name} is recovered.", vault)
