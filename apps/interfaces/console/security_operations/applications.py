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
from apps.domain.approvals.effects import effect_of
from apps.domain.catalog.role_targets import describe_roles
from apps.domain.identity import operations, queries
from apps.domain.identity.managers import is_manager, set_manager
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.vaults.queries import list_vaults
from apps.interfaces.console import application_pages, form_commands
from apps.interfaces.console.code_samples import trust_everywhere
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.forms import ApplicationForm
from apps.usage.queries import uses_of_callers


class ApplicationPage(application_pages.ApplicationPage, SecopsPage):
    """Base of the pages about applications."""

    section = "secops:applications"

    def show_secret(self, application: ApplicationIdentity, secret: str, **context: Any) -> HttpResponse:
        trusting = trust_everywhere() if settings.OWN_CA else ""
        return super().show_secret(application, secret, trusting=trusting, **context)


class Applications(ApplicationPage):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ}
    template = "portal/secops/applications.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """All of them, with when each was last seen."""
        self.grant()
        text = request.GET.get("q", "")
        rows = [row for row in queries.list_applications() if text.lower() in row.name.lower()]
        seen = application_pages.last_seen(rows)
        return self.show(rows=[(row, seen.get(row.user_id)) for row in rows], q=text)


class NewApplication(application_pages.ApplicationCreationPage, ApplicationPage):
    lead = "The next page shows the client secret once."
    parent = ("Applications", "secops:applications")

    def form(self, data: Any = None) -> ApplicationForm:
        return ApplicationForm(data, vaults=list_vaults(), initial={"vault": self.request.GET.get("vault", "")})

    def show_made(self, application: ApplicationIdentity, secret: str, problem: str, form: Any) -> HttpResponse:
        vault, context = form.cleaned_data["vault"], {"problem": problem}
        if vault:
            context |= {"vault": vault, "next_url": reverse("secops:key_new", args=[vault])}
            context["role"] = "" if problem else ROLES[form.cleaned_data["role"]].name
        return self.show_secret(application, secret, **context)


class OneApplication(ApplicationPage):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ}
    template = "portal/secops/application.html"

    def get(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Credentials, roles, last uses; and which callers disabling it would break."""
        self.grant()
        row = self.application()
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
            manager=is_manager(row),
            manager_command=form_commands.command("application manager", row.name, remove=is_manager(row)),
            guarded=effect_of(principal_id=row.user_id).vault_names,
            uses=uses,
            recent=[use for use in uses if use.last >= day],
        )


class NewSecret(application_pages.ClientSecretCreation, ApplicationPage):
    pass


class RemoveSecret(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}

    def post(self, request: HttpRequest, client_id: UUID, secret_id: UUID) -> HttpResponse:
        """Remove a credential."""
        row = self.application()
        operations.remove_client_secret(grant=self.grant(), application=row, secret_id=secret_id, now=now())
        return self.redirect_with_success(f"Credential removed from {row.name}.", self.application_url())


class SwitchApplication(application_pages.ApplicationSwitch, ApplicationPage):
    def enabled(self) -> bool:
        return self.request.POST.get("enabled") == "yes"


class SetManager(ApplicationPage):
    permissions: ClassVar = {"post": Permission.MANAGERS_ASSIGN}
    require_reauth = True

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Let the application manage all vaults, or no longer. With a production vault a second person approves it."""
        row, manager = self.application(), request.POST.get("manager") == "yes"
        set_manager(grant=self.grant(), application=row, manager=manager, now=now())
        text = f"{row.name} manages all vaults." if manager else f"{row.name} no longer manages vaults."
        return self.redirect_with_success(text, self.application_url())
