"""The management API for developers: the acts of their portal."""

import re
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog import queries as inventory
from apps.domain.catalog.role_targets import find_scope
from apps.domain.catalog.test_calls import run_test_call
from apps.domain.denials import explanation
from apps.domain.identity import credentials
from apps.domain.identity.queries import get_visible_application, list_applications, list_client_secrets
from apps.domain.secrets.operations import values
from apps.domain.secrets.rules import NewSecret
from apps.domain.vaults import operations as vaults
from apps.domain.vaults.queries import get_vault
from apps.interfaces.management_api.base import ManagementView
from apps.interfaces.management_api.developer_serializers import (
    CertificateSerializer,
    CredentialSerializer,
    OperationSerializer,
    RefusalSerializer,
    RevealedSerializer,
    RevealSerializer,
    SecretValueSerializer,
    TestVaultSerializer,
    ToldSerializer,
    TriedSerializer,
    TrustSerializer,
)
from apps.interfaces.management_api.object_serializers import VersionSerializer
from apps.interfaces.management_api.serializers import VaultSerializer
from apps.usage.queries import sums_of_callers

P = Permission
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}\Z")
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TestVaults(ManagementView):
    """Test vaults of developers."""

    operation = Operation.TEST_VAULT_PUT
    permissions: ClassVar = {"post": P.TEST_VAULTS_CREATE}

    @extend_schema(request=TestVaultSerializer, responses={201: VaultSerializer})
    def post(self, request: Request) -> Response:
        """Make a test vault: the same API, keys protected by software, yours."""
        grant = self.grant(request)
        asked = TestVaultSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        made = vaults.create_test_vault(grant=grant, name=data["name"], world_name=data["world"], now=now())
        return Response(VaultSerializer(made).data, status=201)


class SecretValue(ManagementView):
    """Setting a secret."""

    operation = Operation.SECRET_SET
    permissions: ClassVar = {"put": P.SECRETS_SET}

    @extend_schema(request=SecretValueSerializer, responses={201: VersionSerializer})
    def put(self, request: Request, name: str, item: str) -> Response:
        """Set a new value, if `base_version` is current still; content type and tags stay unless it is told anew.

        The answer does not repeat the value.
        """
        vault = get_vault(name=name)
        grant = self.grant(request, _secret_scope(vault, item))
        asked = SecretValueSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        made = values.set_value(
            grant=grant,
            vault=vault,
            name=item,
            value=data["value"],
            spec=None if data["base_version"] and data["content_type"] is None else NewSecret(data["content_type"]),
            base_version=data["base_version"],
            now=now(),
        )
        return Response(VersionSerializer(made).data, status=201)


class Reveal(ManagementView):
    """Reading a value."""

    operation = Operation.SECRET_REVEAL
    permissions: ClassVar = {"post": P.SECRETS_GET}
    require_reauth = frozenset({"post"})

    @extend_schema(request=RevealSerializer, responses=RevealedSerializer)
    def post(self, request: Request, name: str, item: str) -> Response:
        """Read the value of a secret, saying why. Recorded; nobody may keep the answer."""
        vault = get_vault(name=name)
        grant = self.grant(request, _secret_scope(vault, item))
        asked = RevealSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        facts, value = values.reveal(grant=grant, vault=vault, name=item, now=now(), **asked.validated_data)
        shown = {"version": facts.version, "content_type": facts.content_type, "value": value}
        return Response(shown, headers=_NO_STORE)


class Try(ManagementView):
    """Test calls."""

    operation = Operation.TEST_CALL
    permissions: ClassVar = {"post": P.KEYS_SIGN}

    @extend_schema(request=None, responses=TriedSerializer)
    def post(self, request: Request, name: str, kind: str, item: str) -> Response:
        """Do one real operation with an object: sign, wrap, or read without telling the value."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        scope = inventory.scope_of(vault, kind, row)

        def grant(permission: Permission) -> Grant:
            return self.grant(request, scope, permission)

        return Response(
            TriedSerializer(run_test_call(grant_for=grant, vault=vault, kind=kind, row=row, now=now())).data
        )


class Refusals(ManagementView):
    """Refusals of one's own applications."""

    operation = Operation.REFUSAL_LIST
    permissions: ClassVar = {"get": P.REFUSALS_EXPLAIN}

    @extend_schema(operation_id="refusals_list", responses=RefusalSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the last hundred refusals of your applications."""
        rows = explanation.list_latest(grant=self.grant(request), limit=100)
        return Response(RefusalSerializer([{"application": name, "row": row} for name, row in rows], many=True).data)


class OneRefusal(ManagementView):
    """One refusal."""

    operation = Operation.REFUSAL_EXPLAIN
    permissions: ClassVar = {"get": P.REFUSALS_EXPLAIN}

    @extend_schema(operation_id="refusals_retrieve", responses=ToldSerializer)
    def get(self, request: Request, request_id: UUID) -> Response:
        """Explain a refusal by the request id of its answer: what was missing and who can give it."""
        return Response(
            ToldSerializer(explanation.explain_denial(grant=self.grant(request), request_id=request_id)).data
        )


class OwnUsage(ManagementView):
    """Calls of one's own applications."""

    operation = Operation.OWN_USAGE_GET
    permissions: ClassVar = {"get": P.REFUSALS_EXPLAIN}

    @extend_schema(responses=OperationSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Count the calls of your applications by operation."""
        principal = self.grant(request).principal
        callers = [row.user_id for row in list_applications(owner_id=principal.id)]
        return Response(OperationSerializer(sums_of_callers(caller_ids=callers), many=True).data)


class Credentials(ManagementView):
    """Credentials of an application."""

    operation = Operation.CREDENTIAL_LIST
    permissions: ClassVar = {"get": P.APPLICATIONS_READ}

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
    permissions: ClassVar = {"delete": P.APPLICATIONS_CREATE}

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
    permissions: ClassVar = {"post": P.APPLICATIONS_CREATE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=CertificateSerializer, responses={201: CertificateSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Let an application sign in with the key of a certificate (RFC 7523)."""
        grant = self.grant(request)
        application = get_visible_application(grant.principal, name=name)
        asked = CertificateSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        pem = asked.validated_data["certificate"]
        row = credentials.add_certificate(grant=grant, application=application, pem=pem, now=now())
        return Response(CertificateSerializer(row).data, status=201)


class Trusts(ManagementView):
    """Federated trust."""

    operation = Operation.APPLICATION_TRUST_PUT
    permissions: ClassVar = {"post": P.APPLICATIONS_CREATE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=TrustSerializer, responses={201: TrustSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Let an application sign in with another issuer's tokens for exactly this subject and audience."""
        grant = self.grant(request)
        application = get_visible_application(grant.principal, name=name)
        asked = TrustSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        row = credentials.add_trust(grant=grant, application=application, now=now(), **asked.validated_data)
        return Response(TrustSerializer(row).data, status=201)


def _secret_scope(vault: Any, item: str) -> Scope:
    """A secret that may be there or not. A name that no secret can have is none."""
    if not _NAME.match(item):
        raise inventory.object_not_found("secret", item, vault_name=vault.name)
    return find_scope(vault, "secret", item)
