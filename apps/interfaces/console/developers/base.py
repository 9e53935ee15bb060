"""Base of the pages of developers."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404, HttpResponse

from apps.core.principals import PersonRole
from apps.core.request_facts import request_context
from apps.domain.access.grants import Scope
from apps.domain.catalog import queries as inventory
from apps.domain.catalog import visibility
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.queries import get_visible_application, list_applications
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import VaultNotFound, check_serving, get_vault
from apps.interfaces.console.base import Page


class DevPage(Page):
    """`section`: the entry of the navigation that is marked."""

    role = PersonRole.DEVELOPER
    section: ClassVar[str] = ""

    def check_visibility(self) -> None:
        """Answer 404 for a vault that the person may not know of, whatever the method and the rest of the address.

        In a frozen vault nothing is changed. Raises `VaultFrozen`.
        """
        match = self.request.resolver_match
        if match is None or "vaults/<str:name>" not in match.route:
            return
        name, context = self.kwargs["name"], request_context(self.request.META)
        try:
            vault = visibility.check_vault(self.principal, context, name=name, operation=self.operation)
        except VaultNotFound as error:
            raise Http404(error.message) from None
        if self.request.method == "POST":
            check_serving(vault)

    def show(self, status: int = 200, *, template: str = "", **context: Any) -> HttpResponse:
        return super().show(status, template=template, section=self.section, **context)

    def vault(self) -> Vault:
        """The vault of the address, which `check_visibility` has checked."""
        return get_vault(name=self.kwargs["name"])

    def find_object(self) -> tuple[Vault, Any, Scope]:
        """The vault and the object of the address, if the person may know of them. Raises `ObjectNotFound`."""
        kind = self.kwargs.get("kind", "keys")
        vault, row = inventory.find_object(vault_name=self.kwargs["name"], kind=kind, name=self.kwargs["item"])
        scope = inventory.scope_of(vault, kind, row)
        if not visibility.knows_kind(self.principal, scope, kind):
            raise inventory.object_not_found(scope.object_type, row.name, vault_name=vault.name)
        return vault, row, scope

    def may(self, permission: Any, scope: Scope) -> bool:
        """True if a button should be shown; not recorded, as nothing was requested."""
        return visibility.is_allowed(self.principal, permission, scope)

    def applications(self) -> dict[UUID, ApplicationIdentity]:
        """The person's own applications by their principals."""
        return {row.user_id: row for row in list_applications(owner_id=self.principal.id)}

    def application(self) -> ApplicationIdentity:
        """The application of the address. Raises `ApplicationNotFound`, also for other people's applications."""
        return get_visible_application(self.principal, name=str(self.kwargs["client_id"]))
