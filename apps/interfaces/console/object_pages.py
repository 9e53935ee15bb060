"""Pages about one key, secret or certificate, the same for security operations and developers."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import lifecycle_now
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation.consumers import consumer_grid
from apps.domain.bulk_rotation.rules import Standing
from apps.domain.catalog import operations
from apps.domain.catalog import queries as inventory
from apps.domain.keys.operations import creation as keys
from apps.domain.keys.queries import KeyFacts, find_rotation_policy
from apps.domain.keys.rotation_policy import KeySchedule
from apps.domain.objects.schedule import Event, facts_of
from apps.domain.vaults.models import Vault
from apps.interfaces.console import charts
from apps.interfaces.console.base import Page
from apps.interfaces.console.code_samples import use_it
from apps.interfaces.console.security_operations.forms import KeyForm
from apps.interfaces.console.vault_pages import VaultFormPage
from apps.usage import queries as usage

P = Permission
_PLACE = {Standing.BEHIND: "behind", "": "behind"}  # of a consumer that has used the old version


class ObjectPage(Page):
    """Base of the pages about one object."""

    kind: ClassVar[str] = "keys"  # of pages whose address has none

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.kwargs.setdefault("kind", self.kind)

    def find_object(self) -> tuple[Vault, Any, Scope]:
        """The vault and the object of the address. Raises `VaultNotFound`, `ObjectNotFound`."""
        kind = self.kwargs["kind"]
        vault, row = inventory.find_object(vault_name=self.kwargs["name"], kind=kind, name=self.kwargs["item"])
        return vault, row, inventory.scope_of(vault, kind, row)

    def object_url(self) -> str:
        """The page of the object."""
        return reverse(f"{self.portal}:object", args=[self.kwargs[name] for name in ("name", "kind", "item")])

    def error_url(self) -> str:
        return self.object_url()

    def facts(self, vault: Vault, row: Any, language: str) -> dict[str, Any]:
        """The context of every tab of an object."""
        kind = self.kwargs["kind"]
        policy = find_rotation_policy(row) if kind == "keys" else None
        return {
            "vault": vault,
            "row": row,
            "kind": kind,
            "singular": inventory.SINGULAR[kind],
            "versions": inventory.versions_of(row, limit=100),
            "uses": usage.uses_of_object(vault_id=vault.pk, object_id=f"{kind}/{row.name}"),
            "policy": policy,
            "next_rotation": _next_rotation(policy, row),
            **use_it(vault, kind, row, language),
        }

    def consumers_tab(self, vault: Vault, row: Any) -> dict[str, Any]:
        """Return the consumers of a key's old and new version, for the chart and the table."""
        grid = consumer_grid(vault=vault, key=row, now=lifecycle_now())
        marks = [
            (
                line.application,
                "" if line.consumer.old is None else _PLACE.get(line.standing, "moved"),
                line.consumer.new is not None,
            )
            for line in grid.lines
        ]
        return {"grid": grid, "consumer_chart": charts.consumer_chart(marks)}


def _next_rotation(policy: Any, row: Any) -> Any:
    """Return when the scheduler rotates a key; None: never."""
    if policy is None or row.current is None:
        return None
    return KeySchedule(policy, row.vault.near_expiry_days).times(facts_of(row.current)).get(Event.ROTATE)


class KeyCreationPage(VaultFormPage, abstract=True):
    permissions: ClassVar = {"get": P.KEYS_CREATE, "post": P.KEYS_CREATE}
    lead = "If the name exists, a new version is created. Old versions still decrypt."
    verb = "Create key"
    form_class = KeyForm

    @abstractmethod
    def success_text(self, version: KeyFacts) -> str:
        """The message after the key was created."""

    def submit(self, form: KeyForm) -> HttpResponse:
        """Create the key, in the HSM or for tests in software."""
        name = form.cleaned_data["name"]
        grant = self.grant(Scope.of(self.vault, "key", name))
        made = keys.create(grant=grant, vault=self.vault, name=name, spec=form.spec(), now=lifecycle_now())
        page = reverse(f"{self.portal}:object", args=[self.vault.name, "keys", made.name])
        return self.redirect_with_success(self.success_text(made), f"{page}?tab=use")

    def texts(self, form: KeyForm) -> dict[str, Any]:
        protection = {"protection": "software"} if form.fields["protection"].disabled else {}  # browsers do not send it
        command = form.cli.of(vault=self.vault.name, **protection)
        return {**super().texts(form), "title": f"Create a key in {self.vault.name}", "command": command}


class ObjectOperation(ObjectPage, ABC, abstract=True):
    """Base of operations on an object."""

    permissions: ClassVar = {"post": P.VAULTS_READ}  # that of the operation, `act`, is checked below
    act: ClassVar[str]

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Carry it out, unless it has to be confirmed first."""
        vault, row, scope = self.find_object()
        grant = self.grant(scope, inventory.permission_for(self.kwargs["kind"], self.act))
        return self.confirm(vault, row) or self.done(self.perform(grant, vault, row))

    def confirm(self, vault: Vault, row: Any) -> HttpResponse | None:
        """The page that asks for a confirmation; None if none is needed."""
        return None

    @abstractmethod
    def perform(self, grant: Grant, vault: Vault, row: Any) -> str:
        """Carry out the operation. The answer is the message to the person."""

    def done(self, text: str) -> HttpResponse:
        """Redirect to the page where the effect is seen."""
        return self.redirect_with_success(text, self.object_url())


class KeyRotation(ObjectOperation, abstract=True):
    permissions: ClassVar = {"post": P.KEYS_ROTATE}
    act = "rotate"

    def perform(self, grant: Grant, vault: Vault, row: Any) -> str:
        """A new version now; the old ones stay."""
        made = keys.rotate(grant=grant, vault=vault, name=row.name, now=lifecycle_now())
        return f"{vault.name}/{row.name} rotated to version {made.version[:8]}. Older versions still decrypt."


class VersionSwitch(ObjectOperation, abstract=True):
    """Enable or disable one version."""

    act = "update"

    @property
    def enabled(self) -> bool:
        """What the form asks for."""
        return self.request.POST.get("enabled") == "yes"

    def perform(self, grant: Grant, vault: Vault, row: Any) -> str:
        """Takes effect everywhere within one second."""
        target = {"kind": self.kwargs["kind"], "name": row.name, "version": self.kwargs["version"]}
        operations.set_version_enabled(grant=grant, vault=vault, enabled=self.enabled, now=lifecycle_now(), **target)
        return f"Version {target['version'][:8]} of {row.name} is {'enabled' if self.enabled else 'disabled'}."


class Deletion(ObjectOperation, abstract=True):
    act = "delete"
    recoverable: ClassVar[str] = "It can be recovered."

    def perform(self, grant: Grant, vault: Vault, row: Any) -> str:
        """Softly: it can be recovered."""
        operations.delete(grant=grant, vault=vault, kind=self.kwargs["kind"], name=row.name, now=lifecycle_now())
        return f"{row.name} is deleted. {self.recoverable}"


class Recovery(ObjectOperation, abstract=True):
    act = "recover"

    def perform(self, grant: Grant, vault: Vault, row: Any) -> str:
        """Recover the object."""
        operations.recover(grant=grant, vault=vault, kind=self.kwargs["kind"], name=row.name)
        return f"{row.name} is recovered."
