"""The management API for application identities and their credentials."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.access.visibility import is_limited
from apps.domain.identity import credentials
from apps.domain.identity import operations as identity
from apps.domain.identity import queries as identities
from apps.domain.identity.queries import get_visible_application, list_client_secrets
from apps.interfaces.management_api.base import ManagementView, SwitchSerializer, read


class ApplicationSerializer(serializers.Serializer[Any]):
    """An application identity; the secret is told once, when it is made."""

    name = serializers.CharField(max_length=128)
    client_id = serializers.UUIDField(read_only=True)
    principal_id = serializers.UUIDField(read_only=True, source="user_id")
    created = serializers.DateTimeField(read_only=True)


class NewApplicationSerializer(ApplicationSerializer):
    client_secret = serializers.CharField(read_only=True)


class SecretSerializer(serializers.Serializer[Any]):
    client_secret = serializers.CharField(read_only=True)


class CertificateSerializer(serializers.Serializer[Any]):
    certificate = serializers.CharField(max_length=16384, write_only=True, help_text="PEM, without a private key")
    id = serializers.UUIDField(read_only=True)
    subject = serializers.CharField(read_only=True)
    expires = serializers.DateTimeField(read_only=True)


class TrustSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True)
    issuer = serializers.CharField(max_length=512)
    subject = serializers.CharField(max_length=512)
    audience = serializers.CharField(max_length=512, required=False, default="api://AzureADTokenExchange")


class CredentialSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True)
    kind = serializers.ChoiceField(choices=["secret", "certificate", "federated"], read_only=True)
    about = serializers.CharField(read_only=True, help_text="the certificate's subject; issuer and subject of a trust")
    created = serializers.DateTimeField(read_only=True)
    expires = serializers.DateTimeField(read_only=True, allow_null=True)


class Applications(ManagementView):
    """Application identities."""

    operation = Operation.APPLICATION_LIST
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ, "post": Permission.APPLICATIONS_CREATE}

    @extend_schema(responses=ApplicationSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the application identities; developers see their own."""
        principal = self.grant(request).principal
        owner = principal.id if is_limited(principal) else None
        return Response(ApplicationSerializer(identities.list_applications(owner_id=owner), many=True).data)

    @extend_schema(request=ApplicationSerializer, responses={201: NewApplicationSerializer})
    def post(self, request: Request) -> Response:
        """Make an application identity; its client secret is in this answer and nowhere else."""
        grant = self.grant(request)
        data = read(ApplicationSerializer, request)
        made, secret = identity.create_application(grant=grant, name=data["name"], now=now())
        return _secret_answer({**ApplicationSerializer(made).data, "client_secret": secret})


class SwitchApplication(ManagementView):
    """Stopping an application identity."""

    operation = Operation.APPLICATION_DISABLE
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=SwitchSerializer, responses={204: None})
    def post(self, request: Request, name: str) -> Response:
        """Stop an application identity, or let it go on. Effective everywhere within one second."""
        grant = self.grant(request)
        application = identities.get_visible_application(grant.principal, name=name)
        data = read(SwitchSerializer, request)
        identity.set_application_enabled(grant=grant, application=application, enabled=data["enabled"])
        return Response(status=204)


class ApplicationSecrets(ManagementView):
    """Client secrets of an application identity."""

    operation = Operation.APPLICATION_SECRET_PUT
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=None, responses={201: SecretSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Make a further client secret, so that the old one can be replaced without a gap."""
        grant = self.grant(request)
        application = identities.get_visible_application(grant.principal, name=name)
        return _secret_answer(
            {"client_secret": identity.add_client_secret(grant=grant, application=application, now=now())}
        )


def _secret_answer(body: dict[str, Any]) -> Response:
    """An answer that nobody may keep."""
    return Response(body, status=201, headers={"Cache-Control": "no-store"})


class Credentials(ManagementView):
    """Credentials of an application."""

    operation = Operation.CREDENTIAL_LIST
    permissions: ClassVar = {"get": Permission.APPLICATIONS_READ}

    @extend_schema(responses=CredentialSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        """List the credentials of an application, of every kind; nothing secret is among them."""
        application = get_visible_application(self.grant(request).principal, name=name)
        rows: list[dict[str, Any]] = [
            {"id": row.pk, "kind": "secret", "about": "", "created": row.created, "expires": row.expires}
            for row in list_client_secrets(application=application)
        ]
        rows += [
            {"id": row.pk, "kind": "certificate", "about": row.subject, "created": row.created, "expires": row.expires}
            for row in credentials.list_certificates(application=application)
        ]
        rows += [
            {
                "id": row.pk,
                "kind": "federated",
                "about": f"{row.issuer} {row.subject}",
                "created": row.created,
                "expires": None,
            }
            for row in credentials.list_trusts(application=application)
        ]
        return Response(CredentialSerializer(rows, many=True).data)


class OneCredential(ManagementView):
    """One credential."""

    operation = Operation.CREDENTIAL_DELETE
    permissions: ClassVar = {"delete": Permission.APPLICATIONS_CREATE}

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str, credential_id: UUID) -> Response:
        """Take a credential away, of whichever kind."""
        grant = self.grant(request)
        application = get_visible_application(grant.principal, name=name)
        credentials.remove_credential(grant=grant, application=application, credential_id=credential_id)
        return Response(status=204)


class Certificates(ManagementView):
    """Certificates as credentials."""

    operation = Operation.APPLICATION_CERTIFICATE_PUT
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=CertificateSerializer, responses={201: CertificateSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Let an application sign in with the key of a certificate (RFC 7523)."""
        grant = self.grant(request)
        application = get_visible_application(grant.principal, name=name)
        data = read(CertificateSerializer, request)
        pem = data["certificate"]
        row = credentials.add_certificate(grant=grant, application=application, pem=pem, now=now())
        return Response(CertificateSerializer(row).data, status=201)


class Trusts(ManagementView):
    """Federated trust."""

    operation = Operation.APPLICATION_TRUST_PUT
    permissions: ClassVar = {"post": Permission.APPLICATIONS_CREATE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=TrustSerializer, responses={201: TrustSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Let an application sign in with another issuer's tokens for exactly this subject and audience."""
        grant = self.grant(request)
        application = get_visible_application(grant.principal, name=name)
        data = read(TrustSerializer, request)
        row = credentials.add_trust(grant=grant, application=application, now=now(), **data)
        return Response(TrustSerializer(row).data, status=201)
