"""What the pages of developers share."""

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
    """`section`: the line of the navigation that is marked."""

    role = PersonRole.DEVELOPER
    section: ClassVar[str] = ""

    def look_first(self) -> None:
        """A vault that is somebody else's is none, whatever the method and the rest of the address.

        In a frozen one nothing is done. Raises `VaultFrozen`.
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
        """The vault of the address, which `look_first` has let pass."""
        return get_vault(name=self.kwargs["name"])

    def found(self) -> tuple[Vault, Any, Scope]:
        """The vault and the object of the address; nothing that the person may not know of. Raises `ObjectNotFound`."""
        kind = self.kwargs.get("kind", "keys")
        vault, row = inventory.find_object(vault_name=self.kwargs["name"], kind=kind, name=self.kwargs["item"])
        scope = inventory.scope_of(vault, kind, row)
        if not visibility.knows_kind(self.principal, scope, kind):
            raise inventory.object_not_found(scope.object_type, row.name, vault_name=vault.name)
        return vault, row, scope

    def may(self, permission: Any, scope: Scope) -> bool:
        """Whether a button leads anywhere; nothing is recorded, for nobody has asked."""
        return visibility.is_allowed(self.principal, permission, scope)

    def applications(self) -> dict[UUID, ApplicationIdentity]:
        """The person's own applications by their principals."""
        return {row.user_id: row for row in list_applications(owner_id=self.principal.id)}

    def application(self) -> ApplicationIdentity:
        """The one of the address. Raises `ApplicationNotFound` for somebody else's, too."""
        return get_visible_application(self.principal, name=str(self.kwargs["client_id"]))
