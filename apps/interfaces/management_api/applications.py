"""The management API for application identities and their credentials."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.access.visibility import is_limited
from apps.domain.identity import credentials, managers, queries
from apps.domain.identity import operations as identity
from apps.domain.identity.models import ApplicationIdentity
from apps.interfaces.management_api.base import NO_STORE, Resource, SwitchSerializer, endpoint


class ApplicationSerializer(serializers.Serializer[Any]):
    """An application identity. The client secret is returned once, when it is created."""

    name = serializers.CharField(max_length=128)
    client_id = serializers.UUIDField(read_only=True)
    principal_id = serializers.UUIDField(read_only=True, source="user_id")
    created = serializers.DateTimeField(read_only=True)
    vault_manager = serializers.BooleanField(
        read_only=True, required=False, help_text="manages all vaults through the resource management API"
    )


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


class Applications(Resource):
    """Application identities."""

    @endpoint(Operation.APPLICATION_LIST, Permission.APPLICATIONS_READ, lists=ApplicationSerializer)
    def list(self) -> Any:
        """List the application identities. Developers see their own."""
        principal = self.grant.principal
        rows = queries.list_applications(owner_id=principal.id if is_limited(principal) else None)
        managing = managers.list_manager_ids()
        return [{**vars(row), "vault_manager": row.user_id in managing} for row in rows]

    @endpoint(
        Operation.APPLICATION_LIST,
        Permission.APPLICATIONS_CREATE,
        takes=ApplicationSerializer,
        creates=NewApplicationSerializer,
        headers=NO_STORE,
    )
    def create(self) -> Any:
        """Create an application identity. Its client secret is returned only in this response."""
        made, secret = identity.create_application(grant=self.grant, name=self.data["name"], now=now())
        return {**vars(made), "client_secret": secret}

    @endpoint(Operation.APPLICATION_DISABLE, Permission.APPLICATIONS_CREATE, takes=SwitchSerializer, reauth=True)
    def switch(self) -> None:
        """Stop an application identity, or let it go on. Effective everywhere within one second. A second person
        approves that one with roles in production vaults goes on.
        """
        application, enabled = self.find_application(), self.data["enabled"]
        identity.set_application_enabled(grant=self.grant, application=application, enabled=enabled, now=now())

    @endpoint(Operation.ROLE_ASSIGNMENT_WRITE, Permission.MANAGERS_ASSIGN, reauth=True)
    def add_manager(self) -> None:
        """Let an application manage all vaults through the resource management API: create, change, delete and purge
        them, and assign roles in them. Where there is a production vault, a second person approves it.
        """
        managers.set_manager(grant=self.grant, application=self.find_application(), manager=True, now=now())

    @endpoint(Operation.ROLE_ASSIGNMENT_WRITE, Permission.MANAGERS_ASSIGN)
    def remove_manager(self) -> None:
        """Take that away, at once."""
        managers.set_manager(grant=self.grant, application=self.find_application(), manager=False, now=now())

    @endpoint(
        Operation.APPLICATION_SECRET_PUT,
        Permission.APPLICATIONS_CREATE,
        creates=SecretSerializer,
        reauth=True,
        headers=NO_STORE,
    )
    def add_secret(self) -> Any:
        """Make a further client secret, so that the old one can be replaced without a gap. For an application with
        roles in production vaults a second person approves it, as any credential.
        """
        application = self.find_application()
        return {"client_secret": identity.add_client_secret(grant=self.grant, application=application, now=now())}

    @endpoint(Operation.CREDENTIAL_LIST, Permission.APPLICATIONS_READ, lists=CredentialSerializer)
    def list_credentials(self) -> Any:
        """List the credentials of an application, of every kind, without secret values."""
        application = self.find_application()
        rows: list[tuple[str, str, Any]] = [
            *(("secret", "", row) for row in queries.list_client_secrets(application=application)),
            *(("certificate", row.subject, row) for row in credentials.list_certificates(application=application)),
            *(
                ("federated", f"{row.issuer} {row.subject}", row)
                for row in credentials.list_trusts(application=application)
            ),
        ]
        return [
            {
                "id": row.pk,
                "kind": kind,
                "about": about,
                "created": row.created,
                "expires": getattr(row, "expires", None),
            }
            for kind, about, row in rows
        ]

    @endpoint(Operation.CREDENTIAL_DELETE, Permission.APPLICATIONS_CREATE)
    def remove_credential(self) -> None:
        """Remove a credential of any kind."""
        application = self.find_application()
        credential_id = self.kwargs["credential_id"]
        credentials.remove_credential(grant=self.grant, application=application, credential_id=credential_id, now=now())

    @endpoint(
        Operation.APPLICATION_CERTIFICATE_PUT,
        Permission.APPLICATIONS_CREATE,
        takes=CertificateSerializer,
        creates=CertificateSerializer,
        reauth=True,
    )
    def add_certificate(self) -> Any:
        """Let an application sign in with the key of a certificate (RFC 7523)."""
        application = self.find_application()
        pem = self.data["certificate"]
        return credentials.add_certificate(grant=self.grant, application=application, pem=pem, now=now())

    @endpoint(
        Operation.APPLICATION_TRUST_PUT,
        Permission.APPLICATIONS_CREATE,
        takes=TrustSerializer,
        creates=TrustSerializer,
        reauth=True,
    )
    def add_trust(self) -> Any:
        """Let an application sign in with another issuer's tokens for exactly this subject and audience."""
        application = self.find_application()
        return credentials.add_trust(grant=self.grant, application=application, now=now(), **self.data)

    def find_application(self) -> ApplicationIdentity:
        """Return the application in the address. Raises `ApplicationNotFound`, also for another developer's."""
        return queries.get_visible_application(self.grant.principal, name=self.kwargs["name"])
