"""Pages about application identities, the same for security operations and developers."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.identity import operations, queries
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.vaults import role_assignments
from apps.domain.vaults.queries import get_vault
from apps.domain.vaults.role_assignments import Assignee
from apps.interfaces.console.base import FormPage, Page
from apps.usage.queries import last_uses


class ApplicationPage(Page):
    """Base of the pages about application identities."""

    def application(self) -> ApplicationIdentity:
        """The application of the address. Raises `ApplicationNotFound`, for developers also for those of others."""
        return queries.get_visible_application(self.principal, name=str(self.kwargs["client_id"]))

    def application_url(self) -> str:
        """The page of the application of the address."""
        return reverse(f"{self.portal}:application", args=[self.kwargs["client_id"]])

    def error_url(self) -> str:
        return self.application_url() if "client_id" in self.kwargs else super().error_url()

    def show_secret(self, application: ApplicationIdentity, secret: str, **context: Any) -> HttpResponse:
        """The only page that shows a client secret."""
        return self.show(
            template="portal/parts/application_made.html",
            application=application,
            application_url=reverse(f"{self.portal}:application", args=[application.client_id]),
            secret=secret,
            tenant_id=queries.get_organisation().tenant_id,
            authority=queries.addresses().authority,
            **{"next_url": reverse(f"{self.portal}:vaults"), **context},
        )


class ApplicationCreationPage(FormPage, ApplicationPage, abstract=True):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_CREATE, "post": Permission.APPLICATIONS_CREATE}
    require_reauth = True  # it may assign a role, too
    title = "Create an application identity"
    verb = "Create application identity"

    def show_made(self, application: ApplicationIdentity, secret: str, problem: str, form: Any) -> HttpResponse:
        """Show the secret; `problem`: the reason why the application has no role yet."""
        return self.show_secret(application, secret, problem=problem)

    def submit(self, form: Any) -> HttpResponse:
        """Create the application, with a role if one was chosen."""
        data = form.cleaned_data
        made, secret = operations.create_application(grant=self.grant(), name=data["name"], now=now())
        try:
            self._assign_role(made, vault_name=data["vault"], role=data["role"])
        except VaultError as error:
            return self.show_made(made, secret, error.message, form)
        return self.show_made(made, secret, "", form)

    def _assign_role(self, application: ApplicationIdentity, *, vault_name: str, role: str) -> None:
        if not vault_name:
            return
        vault = get_vault(name=vault_name)
        role_assignments.assign_role(
            grant=self.grant(Scope.of(vault), Permission.ROLES_ASSIGN),
            vault=vault,
            assignee=Assignee(application.user_id, application.name),
            role=role,
            target=("vault", vault.pk, ""),
            now=now(),
        )


class ClientSecretCreation(ApplicationPage, abstract=True):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = True

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """A further secret, so that the old one can be replaced without a gap."""
        row = self.application()
        secret = operations.add_client_secret(grant=self.grant(), application=row, now=now())
        return self.show_secret(row, secret)


class ApplicationSwitch(ApplicationPage, abstract=True):
    """Suspend an application, or reactivate it."""

    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = True

    def enabled(self) -> bool:
        """What the form asks for. Only security operations can reactivate an application."""
        return False

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Its tokens are valid no longer, or again."""
        row, enabled = self.application(), self.enabled()
        operations.set_application_enabled(grant=self.grant(), application=row, enabled=enabled, now=now())
        text = f"{row.name} is reactivated." if enabled else f"{row.name} is suspended; its tokens are revoked."
        return self.redirect_with_success(text, self.application_url())


def last_seen(rows: Iterable[ApplicationIdentity]) -> dict[UUID, datetime]:
    """When each application, by its principal, used any vault last."""
    seen: dict[UUID, datetime] = {}
    for (caller, _vault), latest in last_uses(caller_ids=[row.user_id for row in rows]).items():
        seen[caller] = max(latest, seen.get(caller, latest))
    return seen
