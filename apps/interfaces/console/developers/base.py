"""Base of the pages of developers."""

from typing import Any
from uuid import UUID

from django.http import Http404

from apps.core.principals import PersonRole
from apps.core.request_facts import request_context
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.visibility import visible_objects
from apps.domain.catalog import queries as inventory
from apps.domain.catalog import visibility
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.queries import list_applications
from apps.domain.vaults.queries import VaultNotFound, check_serving
from apps.interfaces.console import vault_pages
from apps.interfaces.console.base import Page


class DevPage(Page):
    role = PersonRole.DEVELOPER
    portal = "dev"

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

    def may(self, permission: Permission, scope: Scope) -> bool:
        """True if a button should be shown; not recorded, as nothing was requested."""
        return visibility.is_allowed(self.principal, permission, scope)

    def applications(self) -> dict[UUID, ApplicationIdentity]:
        """The person's own applications by their principals."""
        return {row.user_id: row for row in list_applications(owner_id=self.principal.id)}


class VaultPage(vault_pages.VaultPage, DevPage):
    """Base of the pages about one vault."""

    section = "dev:vaults"

    def facts(self) -> dict[str, Any]:
        """With the tabs that the vault has for this person."""
        principal, scope = self.principal, self.scope()
        mine = visible_objects(principal)
        whole = self.vault.pk in mine.vaults
        objects = {object_type for object_type, _pk in mine.objects.get(self.vault.pk, ())}
        kinds = [
            kind
            for kind, singular in inventory.SINGULAR.items()
            if singular in objects or (whole and visibility.knows_kind(principal, scope, kind))
        ]
        return {
            **super().facts(),
            "kinds": kinds,
            "whole": whole,
            "own": self.may(Permission.VAULTS_OWN, scope),
            "may_set": self.may(Permission.SECRETS_SET, scope),
            "may_create": self.may(Permission.KEYS_CREATE, scope),
        }
