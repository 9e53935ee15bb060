"""A developer's own applications: programs with an identity, their credentials, roles, calls."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.permissions import Permission
from apps.domain.catalog.role_targets import describe_roles
from apps.domain.denials import explanation
from apps.domain.identity import credentials, operations, queries
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import list_vaults
from apps.interfaces.console import form_commands
from apps.interfaces.console.developers.base import DevPage
from apps.interfaces.console.developers.forms import ApplicationForm, CertificateForm, TrustForm
from apps.interfaces.console.initial_role import assign_initial_role
from apps.usage.queries import last_uses, uses_of_callers


class ApplicationPage(DevPage):
    """What its subclasses share."""

    section = "dev:applications"

    def came_from(self) -> str:
        return reverse("dev:application", args=[self.kwargs["client_id"]])

    def own_vaults(self) -> list[Vault]:
        """The person's test vaults."""
        return [row for row in list_vaults(self.principal) if row.test and row.owner_id == self.principal.id]

    def whole(self, row: ApplicationIdentity, **forms: Any) -> dict[str, Any]:
        """Everything that the page of an application shows."""
        grant = self.grant(permission=Permission.REFUSALS_EXPLAIN)
        found: dict[str, list[Any]] = {
            "secrets": queries.list_client_secrets(application=row),
            "certificates": credentials.list_certificates(application=row),
            "trusts": credentials.list_trusts(application=row),
        }
        moment = now()
        ids = [credential.pk for kind in found.values() for credential in kind]
        usable = [c for kind in ("secrets", "certificates") for c in found[kind] if c.expires > moment]
        return {
            "row": row,
            **found,
            "moment": moment,
            "only": len(usable) + len(found["trusts"]) == 1,
            "command": form_commands.application(row.name, ids, active=row.user.is_active),
            "certificate_command": form_commands.certificate_new(row.name),
            "trust_command": form_commands.trust_new(row.name),
            "roles": describe_roles(principal_id=row.user_id),
            "uses": uses_of_callers(caller_ids=[row.user_id], limit=30),
            "refused": explanation.list_latest(grant=grant, limit=5, of=row),
            "certificate_form": CertificateForm(),
            "trust_form": TrustForm(),
            **forms,
        }

    @staticmethod
    def environment(application: ApplicationIdentity, secret: str) -> dict[str, Any]:
        """What the page that shows a secret once needs."""
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
        del request
        self.grant()
        rows = list(self.applications().values())
        seen: dict[UUID, Any] = {}
        for (caller, _vault), latest in last_uses(caller_ids=[row.user_id for row in rows]).items():
            seen[caller] = max(latest, seen.get(caller, latest))
        ends = {row.pk: credentials.first_expiry(application=row) for row in rows}
        return self.show(rows=[(row, seen.get(row.user_id), ends[row.pk]) for row in rows])


class NewApplication(ApplicationPage):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_CREATE, "post": Permission.APPLICATIONS_CREATE}
    require_reauth = True  # it may give a role in the same act
    template = "portal/parts/form_page.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form."""
        self.grant()
        return self._form(self._read(initial={"vault": request.GET.get("vault", "")}))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make it; the answer is the only place where its secret is shown."""
        form = self._read(request.POST)
        if not form.is_valid():
            return self._form(form)
        data = form.cleaned_data
        try:
            made, secret = operations.create_application(grant=self.grant(), name=data["name"], now=now())
        except VaultError as error:
            form.add_error("name", error.message)
            return self._form(form)
        problem = assign_initial_role(self, made, vault_name=data["vault"], role=data["role"])
        shown = self.environment(made, secret)
        return self.show(template="portal/developers/application_made.html", problem=problem, **shown)

    def _read(self, data: Any = None, **rest: Any) -> ApplicationForm:
        return ApplicationForm(data, vaults=[vault.name for vault in self.own_vaults()], **rest)

    def _form(self, form: ApplicationForm) -> HttpResponse:
        return self.show(
            400 if form.errors else 200,
            form=form,
            title="Create an application identity",
            lead="An application signs in with its own identity. For other vaults, security operations assign roles.",
            verb="Create application identity",
            command=form_commands.APPLICATION_NEW,
            crumb="Applications",
            crumb_url=reverse("dev:applications"),
        )


class OneApplication(ApplicationPage):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ}
    template = "portal/developers/application.html"

    def get(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Credentials, roles, calls, refusals."""
        del request, client_id
        self.grant()
        return self.show(**self.whole(self.application()))


class StopApplication(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = True

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Its tokens are worth nothing from now on. Only security operations can reactivate it."""
        del request
        row = self.application()
        operations.set_application_enabled(grant=self.grant(), application=row, enabled=False)
        return self.done(f"{row.name} is suspended; its tokens are revoked.", "dev:application", client_id)
