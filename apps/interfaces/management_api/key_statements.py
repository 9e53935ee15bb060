"""The management API for key statements, which the HSM signs."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.encoding import to_base64url
from apps.domain.access.permissions import Permission
from apps.domain.keys import key_use, keyverify
from apps.interfaces.management_api.base import endpoint
from apps.interfaces.management_api.objects import Objects


class StatedVersionSerializer(serializers.Serializer[Any]):
    version = serializers.RegexField(
        r"^([0-9a-f]{32})?\Z", required=False, default="", allow_blank=True, help_text="default: the current version"
    )


class KeyStatementSerializer(serializers.Serializer[Any]):
    """As `keyverify.py` takes it; the names are those of the Key Vault API."""

    name = serializers.CharField(read_only=True)
    key_version = serializers.CharField(read_only=True)
    certificatePemFile = serializers.CharField(  # noqa: N815  Azure's name
        read_only=True, help_text="base64url of the certificates in PEM"
    )
    privateKeyAttestation = serializers.CharField(  # noqa: N815  Azure's name
        read_only=True, help_text="base64url of the statement, a JWS"
    )
    version = serializers.CharField(read_only=True, help_text="of the format")


class KeyStatements(Objects):
    """Statements about keys."""

    @endpoint(
        Operation.KEY_GET_ATTESTATION,
        Permission.KEYS_GET,
        takes=StatedVersionSerializer,
        returns=KeyStatementSerializer,
        uses_objects=True,
    )
    def get_statement(self) -> Any:
        """Get a statement about an HSM-protected key, signed in the HSM. The HSM worker decides, and records it."""
        made = key_use.attest(
            context=self.grant.request, vault=self.vault, name=self.row.name, version=self.data["version"]
        )
        return {
            "name": made.name,
            "key_version": made.version,
            "certificatePemFile": to_base64url(made.chain),
            "privateKeyAttestation": to_base64url(made.statement),
            "version": keyverify.VERSION,
        }
