"""Credentials of a developer's application: a second one first, then the old one goes."""

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.permissions import Permission
from apps.domain.identity import credentials, operations
from apps.interfaces.console.developers.applications import ApplicationPage
from apps.interfaces.console.developers.forms import CertificateForm, TrustForm


class NewClientSecret(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    template = "portal/developers/application_made.html"
    require_reauth = True

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """A further secret; the answer is the only place where it is shown."""
        row = self.application()
        secret = operations.add_client_secret(grant=self.grant(), application=row, now=now())
        return self.show(**self.environment(row, secret))


class NewCertificate(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    template = "portal/developers/application.html"
    require_reauth = True

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """A certificate whose key signs for tokens from now on."""
        row = self.application()
        grant, form = self.grant(), CertificateForm(request.POST)
        if form.is_valid():
            try:
                pem = form.cleaned_data["certificate"]
                added = credentials.add_certificate(grant=grant, application=row, pem=pem, now=now())
            except VaultError as error:
                form.add_error("certificate", error.message)
            else:
                text = f"Certificate {added.subject} added to {row.name}."
                return self.redirect_with_success(text, "dev:application", client_id)
        return self.show(400, **self.details(row, certificate_form=form))


class NewTrust(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    template = "portal/developers/application.html"
    require_reauth = True

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """Another issuer's tokens stand for the application from now on."""
        row = self.application()
        grant, form = self.grant(), TrustForm(request.POST)
        if form.is_valid():
            try:
                credentials.add_trust(grant=grant, application=row, now=now(), **form.cleaned_data)
            except VaultError as error:
                form.add_error("issuer", error.message)
            else:
                text = f"{row.name} now trusts tokens of {form.cleaned_data['issuer']}."
                return self.redirect_with_success(text, "dev:application", client_id)
        return self.show(400, **self.details(row, trust_form=form))


class RemoveCredential(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}

    def post(self, request: HttpRequest, client_id: UUID, credential_id: UUID) -> HttpResponse:
        """Remove a credential of any kind."""
        row = self.application()
        credentials.remove_credential(grant=self.grant(), application=row, credential_id=credential_id)
        return self.redirect_with_success(f"Credential removed from {row.name}.", "dev:application", client_id)
