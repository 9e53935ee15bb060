"""The page that creates a key, the same for security operations and developers."""

from functools import cached_property
from typing import Any, ClassVar

from django.http import HttpResponse
from django.urls import reverse

from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.keys.models import KeyVersion
from apps.domain.keys.operations import creation
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault
from apps.interfaces.console.base import FormPage
from apps.interfaces.console.security_operations.forms import KeyForm


class KeyCreationPage(FormPage, abstract=True):
    """`urls`: the namespace of the person's pages."""

    permissions: ClassVar = {"get": Permission.KEYS_CREATE, "post": Permission.KEYS_CREATE}
    urls: ClassVar[str]

    @cached_property
    def target(self) -> Vault:
        """The vault of the address."""
        return get_vault(name=self.kwargs["name"])

    def scope(self) -> Scope:
        return Scope.of(self.target)

    def form(self, data: Any = None) -> KeyForm:
        return KeyForm(data)

    def success_text(self, version: KeyVersion) -> str:
        """The message after the key was created."""
        raise NotImplementedError

    def submit(self, form: KeyForm) -> HttpResponse:
        """Create the key, in the HSM or for tests in software."""
        vault, name = self.target, form.cleaned_data["name"]
        grant = self.grant(Scope.of(vault, "key", name))
        made = creation.create(grant=grant, vault=vault, name=name, spec=form.spec(), now=now())
        answer = self.redirect_with_success(
            self.success_text(made), f"{self.urls}:object", vault.name, "keys", made.key.name
        )
        answer["Location"] += "?tab=use"
        return answer

    def texts(self, form: KeyForm) -> dict[str, Any]:
        vault = self.target
        protection = {"protection": "software"} if form.fields["protection"].disabled else {}  # browsers do not send it
        return {
            "title": f"Create a key in {vault.name}",
            "lead": "If the name exists, a new version is created. Old versions still decrypt.",
            "verb": "Create key",
            "command": form.cli.of(vault=vault.name, **protection),
            "crumb": vault.name,
            "crumb_url": reverse(f"{self.urls}:vault", args=[vault.name]),
        }
