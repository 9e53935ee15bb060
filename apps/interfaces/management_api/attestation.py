"""The management API for issuers of attestation tokens."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.identity import attestation
from apps.interfaces.management_api.base import Resource, endpoint


class AttestationAuthoritySerializer(serializers.Serializer[Any]):
    """An issuer of attestation tokens that release policies may name."""

    url = serializers.CharField(max_length=512)
    ca_pem = serializers.CharField(required=False, default="", allow_blank=True, max_length=32768)
    created = serializers.DateTimeField(read_only=True)


class AttestationAuthorities(Resource):
    """Issuers of attestation tokens."""

    @endpoint(
        Operation.ATTESTATION_AUTHORITY_TRUST,
        Permission.AUTHORITIES_TRUST,
        takes=AttestationAuthoritySerializer,
        creates=AttestationAuthoritySerializer,
        reauth=True,
    )
    def create(self) -> Any:
        """Trust an issuer, so that release policies may name it. If a key of a production vault does, a second person
        approves.
        """
        return attestation.trust_authority(grant=self.grant, now=now(), **self.data)

    @endpoint(
        Operation.ATTESTATION_AUTHORITY_TRUST,
        Permission.AUTHORITIES_TRUST,
        takes=AttestationAuthoritySerializer,
        returns=AttestationAuthoritySerializer,
        reauth=True,
    )
    def update(self) -> Any:
        """Change the CA certificate of a trusted issuer. If a key of a production vault names it, a second person
        approves.
        """
        return attestation.change_authority(grant=self.grant, now=now(), **self.data)
