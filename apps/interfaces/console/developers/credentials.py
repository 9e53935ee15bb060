"""Credentials of a developer's application: a second one first, then the old one goes."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.identity import credentials
from apps.domain.identity.models import ApplicationIdentity
from apps.interfaces.console.application_pages import ClientSecretCreation
from apps.interfaces.console.developers.applications import ApplicationPage
from apps.interfaces.console.developers.forms import CertificateForm, TrustForm


class NewClientSecret(ClientSecretCreation, ApplicationPage):
    pass


class CredentialForm(ApplicationPage, ABC, abstract=True):
    """Base of the forms on the page of an application. `form_name`: the form in its template."""

    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    template = "portal/developers/application.html"
    require_reauth = True
    form_class: ClassVar[type[forms.Form]]
    form_name: ClassVar[str]
    error_field: ClassVar[str]

    @abstractmethod
    def add(self, grant: Grant, row: ApplicationIdentity, data: dict[str, Any]) -> str:
        """Add the credential. The answer is the message to the person."""

    def post(self, request: HttpRequest, client_id: UUID) -> HttpResponse:
        """The credential is valid from now on."""
        row = self.application()
        grant, form = self.grant(), self.form_class(request.POST)
        if form.is_valid():
            try:
                return self.redirect_with_success(self.add(grant, row, form.cleaned_data), self.application_url())
            except ApprovalRequired:
                raise
            except VaultError as error:
                form.add_error(self.error_field, error.message)
        return self.show(400, **self.details(row, **{self.form_name: form}))


class NewCertificate(CredentialForm):
    form_class = CertificateForm
    form_name = "certificate_form"
    error_field = "certificate"

    def add(self, grant: Grant, row: ApplicationIdentity, data: dict[str, Any]) -> str:
        """A certificate whose key signs for tokens."""
        added = credentials.add_certificate(grant=grant, application=row, pem=data["certificate"], now=now())
        return f"Certificate {added.subject} added to {row.name}."


class NewTrust(CredentialForm):
    form_class = TrustForm
    form_name = "trust_form"
    error_field = "issuer"

    def add(self, grant: Grant, row: ApplicationIdentity, data: dict[str, Any]) -> str:
        """Another issuer's tokens stand for the application."""
        credentials.add_trust(grant=grant, application=row, now=now(), **data)
        return f"{row.name} now trusts tokens of {data['issuer']}."


class RemoveCredential(ApplicationPage):
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}

    def post(self, request: HttpRequest, client_id: UUID, credential_id: UUID) -> HttpResponse:
        """Remove a credential of any kind."""
        row = self.application()
        credentials.remove_credential(grant=self.grant(), application=row, credential_id=credential_id, now=now())
        return self.redirect_with_success(f"Credential removed from {row.name}.", self.application_url())
