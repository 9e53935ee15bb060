"""A developer's own applications: programs with an identity, their credentials, roles, calls."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.approvals.effects import effect_of
from apps.domain.catalog.role_targets import describe_roles
from apps.domain.denials import explanation
from apps.domain.identity import credentials, queries
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.vaults.queries import list_vaults
from apps.interfaces.console import application_pages, form_commands
from apps.interfaces.console.developers.base import DevPage
from apps.interfaces.console.developers.forms import ApplicationForm, CertificateForm, TrustForm
from apps.usage.queries import uses_of_callers


class ApplicationPage(application_pages.ApplicationPage, DevPage):
    """Base of the pages about one application."""

    section = "dev:applications"

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
            "guarded": effect_of(principal_id=row.user_id).vault_names,
            "uses": uses_of_callers(caller_ids=[row.user_id], limit=30),
            "refused": explanation.list_latest(grant=grant, limit=5, of=row),
            "certificate_form": CertificateForm(),
            "trust_form": TrustForm(),
            **forms,
        }


class Applications(ApplicationPage):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ}
    template = "portal/developers/applications.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Those that the person made, with when each was last seen and when its first credential ends."""
        self.grant()
        rows = list(self.applications().values())
        seen = application_pages.last_seen(rows)
        ends = {row.pk: credentials.first_expiry(application=row) for row in rows}
        return self.show(rows=[(row, seen.get(row.user_id), ends[row.pk]) for row in rows])


class NewApplication(application_pages.ApplicationCreationPage, ApplicationPage):
    lead = "An application signs in with its own identity. For other vaults, security operations assign roles."
    parent = ("Applications", "dev:applications")

    def form(self, data: Any = None) -> ApplicationForm:
        vaults = [row for row in list_vaults(self.principal) if row.test and row.owner_id == self.principal.id]
        return ApplicationForm(data, vaults=vaults, initial={"vault": self.request.GET.get("vault", "")})


class OneApplication(ApplicationPage):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ}
    template = "portal/developers/application.html"

    def get(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Credentials, roles, calls, refusals."""
        self.grant()
        return self.show(**self.details(self.application()))


class StopApplication(application_pages.ApplicationSwitch, ApplicationPage):
    """Only security operations can reactivate it."""
