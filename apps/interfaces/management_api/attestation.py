"""The management API for issuers of attestation tokens."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.identity import attestation
from apps.interfaces.management_api.base import ManagementView, read


class AttestationAuthoritySerializer(serializers.Serializer[Any]):
    """An issuer of attestation tokens that release policies may name."""

    url = serializers.CharField(max_length=512)
    ca_pem = serializers.CharField(required=False, default="", allow_blank=True, max_length=32768)
    created = serializers.DateTimeField(read_only=True)


class AttestationAuthorities(ManagementView):
    """Issuers of attestation tokens."""

    operation = Operation.ATTESTATION_AUTHORITY_TRUST
    permissions: ClassVar = {"post": Permission.AUTHORITIES_TRUST}
    require_reauth = frozenset({"post"})

    @extend_schema(request=AttestationAuthoritySerializer, responses={201: AttestationAuthoritySerializer})
    def post(self, request: Request) -> Response:
        """Trust an issuer, so that release policies may name it."""
        grant = self.grant(request)
        data = read(AttestationAuthoritySerializer, request)
        made = attestation.trust_authority(grant=grant, now=now(), **data)
        return Response(AttestationAuthoritySerializer(made).data, status=201)
