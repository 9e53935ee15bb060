"""Application identities: programs that use vaults, with their credentials and what they did last."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ROLES
from apps.domain.catalog.role_targets import describe_roles
from apps.domain.identity import operations, queries
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.vaults.queries import list_vaults
from apps.interfaces.console import form_commands
from apps.interfaces.console.application_creation import ApplicationCreationPage
from apps.interfaces.console.page_context import OWN_CA_NAME
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.forms import ApplicationForm
from apps.interfaces.console.snippets.trust import everywhere
from apps.usage.queries import last_uses, uses_of_callers


class ApplicationPage(SecopsPage):
    """Base of the pages about applications."""

    section = "secops:applications"
    error_page = ("secops:application", "client_id")

    @staticmethod
    def new_secret(application: ApplicationIdentity, secret: str, vault: str) -> dict[str, Any]:
        """The context of the page that shows a secret once."""
        addresses = queries.addresses()
        return {
            "application": application,
            "secret": secret,
            "vault_url": f"https://{vault or 'VAULT'}.{addresses.authority_part}",
            "tenant_id": queries.get_organisation().tenant_id,
            "authority": addresses.authority,
            "trusting": everywhere(OWN_CA_NAME) if settings.OWN_CA else "",
        }


class Applications(ApplicationPage):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ}
    template = "portal/secops/applications.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """All of them, with when each was last seen."""
        self.grant()
        text = request.GET.get("q", "")
        rows = [row for row in queries.list_applications() if text.lower() in row.name.lower()]
        seen: dict[UUID, Any] = {}
        for (caller, _vault), latest in last_uses(caller_ids=[row.user_id for row in rows]).items():
            seen[caller] = max(latest, seen.get(caller, latest))
        return self.show(rows=[(row, seen.get(row.user_id)) for row in rows], q=text)


class NewApplication(ApplicationCreationPage, ApplicationPage):
    def form(self, data: Any = None) -> ApplicationForm:
        return ApplicationForm(data, vaults=list_vaults(), initial={"vault": self.request.GET.get("vault", "")})

    def show_secret(
        self, application: ApplicationIdentity, secret: str, *, problem: str, data: dict[str, Any]
    ) -> HttpResponse:
        role = ROLES[data["role"]].name if data["vault"] and not problem else ""
        shown = {**self.new_secret(application, secret, data["vault"]), "vault": data["vault"], "role": role}
        return self.show(template="portal/secops/application_made.html", problem=problem, **shown)

    def texts(self, form: ApplicationForm) -> dict[str, Any]:
        return {
            "title": "Create an application identity",
            "lead": "The next page shows the client secret once.",
            "verb": "Create application identity",
            "command": form.cli,
            "crumb": "Applications",
            "crumb_url": reverse("secops:applications"),
        }


class OneApplication(ApplicationPage):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ}
    template = "portal/secops/application.html"

    def get(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Credentials, roles, last uses; and which callers disabling it would break."""
        self.grant()
        row = queries.get_application(name=str(client_id))
        uses = uses_of_callers(caller_ids=[row.user_id], limit=50)
        day = now() - timedelta(days=1)
        secrets = queries.list_client_secrets(application=row)
        return self.show(
            row=row,
            credentials=secrets,
            command=form_commands.application(
                row.name, [secret.pk for secret in secrets], active=row.user.is_active, may_enable=True
            ),
            roles=describe_roles(principal_id=row.user_id),
            uses=uses,
            recent=[use for use in uses if use.last >= day],
        )


class NewSecret(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    template = "portal/secops/application_made.html"
    require_reauth = True

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """A further credential, so that the old one can be replaced without a gap."""
        row = queries.get_application(name=str(client_id))
        secret = operations.add_client_secret(grant=self.grant(), application=row, now=now())
        return self.show(problem="", **self.new_secret(row, secret, ""))


class RemoveSecret(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}

    def post(self, request: HttpRequest, client_id: UUID, secret_id: UUID) -> HttpResponse:
        """Remove a credential."""
        row = queries.get_application(name=str(client_id))
        operations.remove_client_secret(grant=self.grant(), application=row, secret_id=secret_id)
        return self.redirect_with_success(f"Credential removed from {row.name}.", "secops:application", client_id)


class SwitchApplication(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = True

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Disable or enable it, and with it its tokens."""
        enabled = request.POST.get("enabled") == "yes"
        row = queries.get_application(name=str(client_id))
        operations.set_application_enabled(grant=self.grant(), application=row, enabled=enabled)
        text = f"{row.name} is reactivated." if enabled else f"{row.name} is suspended; its tokens are revoked."
        return self.redirect_with_success(text, "secops:application", client_id)
