"""A developer's own applications: programs with an identity, their credentials, roles, calls."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.catalog.role_targets import describe_roles
from apps.domain.denials import explanation
from apps.domain.identity import credentials, operations, queries
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import list_vaults
from apps.interfaces.console import form_commands
from apps.interfaces.console.application_creation import ApplicationCreationPage
from apps.interfaces.console.developers.base import DevPage
from apps.interfaces.console.developers.forms import ApplicationForm, CertificateForm, TrustForm
from apps.usage.queries import last_uses, uses_of_callers


class ApplicationPage(DevPage):
    """Base of the pages about one application."""

    section = "dev:applications"
    error_page = ("dev:application", "client_id")

    def own_vaults(self) -> list[Vault]:
        """The person's test vaults."""
        return [row for row in list_vaults(self.principal) if row.test and row.owner_id == self.principal.id]

    def details(self, row: ApplicationIdentity, **forms: Any) -> dict[str, Any]:
        """The context of the page of an application."""
        grant = self.grant(permission=Permission.REFUSALS_EXPLAIN)
        credentials_by_kind: dict[str, list[Any]] = {
            "secrets": queries.list_client_secrets(application=row),
            "certificates": credentials.list_certificates(application=row),
            "trusts": credentials.list_trusts(application=row),
        }
        moment = now()
        ids = [credential.pk for kind in credentials_by_kind.values() for credential in kind]
        usable = [c for kind in ("secrets", "certificates") for c in credentials_by_kind[kind] if c.expires > moment]
        return {
            "row": row,
            **credentials_by_kind,
            "moment": moment,
            "only": len(usable) + len(credentials_by_kind["trusts"]) == 1,
            "command": form_commands.application(row.name, ids, active=row.user.is_active),
            "certificate_command": form_commands.command("application certificate", row.name),
            "trust_command": TrustForm.cli.of(application=row.name),
            "roles": describe_roles(principal_id=row.user_id),
            "uses": uses_of_callers(caller_ids=[row.user_id], limit=30),
            "refused": explanation.list_latest(grant=grant, limit=5, of=row),
            "certificate_form": CertificateForm(),
            "trust_form": TrustForm(),
            **forms,
        }

    @staticmethod
    def environment(application: ApplicationIdentity, secret: str) -> dict[str, Any]:
        """The context of the page that shows a secret once."""
        return {
            "application": application,
            "secret": secret,
            "tenant_id": queries.get_organisation().tenant_id,
            "authority": queries.addresses().authority,
        }


class Applications(ApplicationPage):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ}
    template = "portal/developers/applications.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Those that the person made, with when each was last seen and when its first credential ends."""
        self.grant()
        rows = list(self.applications().values())
        seen: dict[UUID, Any] = {}
        for (caller, _vault), latest in last_uses(caller_ids=[row.user_id for row in rows]).items():
            seen[caller] = max(latest, seen.get(caller, latest))
        ends = {row.pk: credentials.first_expiry(application=row) for row in rows}
        return self.show(rows=[(row, seen.get(row.user_id), ends[row.pk]) for row in rows])


class NewApplication(ApplicationCreationPage, ApplicationPage):
    def form(self, data: Any = None) -> ApplicationForm:
        return ApplicationForm(data, vaults=self.own_vaults(), initial={"vault": self.request.GET.get("vault", "")})

    def show_secret(
        self, application: ApplicationIdentity, secret: str, *, problem: str, data: dict[str, Any]
    ) -> HttpResponse:
        shown = self.environment(application, secret)
        return self.show(template="portal/developers/application_made.html", problem=problem, **shown)

    def texts(self, form: ApplicationForm) -> dict[str, Any]:
        lead = "An application signs in with its own identity. For other vaults, security operations assign roles."
        return {
            "title": "Create an application identity",
            "lead": lead,
            "verb": "Create application identity",
            "command": form.cli,
            "crumb": "Applications",
            "crumb_url": reverse("dev:applications"),
        }


class OneApplication(ApplicationPage):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ}
    template = "portal/developers/application.html"

    def get(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Credentials, roles, calls, refusals."""
        self.grant()
        return self.show(**self.details(self.application()))


class StopApplication(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = True

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Its tokens are worth nothing from now on. Only security operations can reactivate it."""
        row = self.application()
        operations.set_application_enabled(grant=self.grant(), application=row, enabled=False)
        return self.redirect_with_success(
            f"{row.name} is suspended; its tokens are revoked.", "dev:application", client_id
        )
