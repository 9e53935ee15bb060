"""The management API's words for what developers do."""

from typing import Any

from rest_framework import serializers


class TestVaultSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=24)
    world = serializers.CharField(max_length=24)


class RevealSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, help_text="why; auditors read it")
    version = serializers.RegexField(r"^([0-9a-f]{32})?\Z", required=False, default="", allow_blank=True)


class RevealedSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(read_only=True)
    content_type = serializers.CharField(read_only=True, allow_null=True)
    value = serializers.CharField(read_only=True)


class SecretValueSerializer(serializers.Serializer[Any]):
    value = serializers.CharField(allow_blank=True, trim_whitespace=False)
    content_type = serializers.CharField(max_length=255, required=False, allow_null=True, default=None)
    base_version = serializers.RegexField(
        r"^([0-9a-f]{32})?\Z",
        required=False,
        allow_blank=True,
        allow_null=True,
        default=None,
        help_text="the version that you started from; 409 when another is current by now. Empty: none was there",
    )


class TriedSerializer(serializers.Serializer[Any]):
    operation = serializers.CharField(read_only=True)
    allowed = serializers.BooleanField(read_only=True)
    algorithm = serializers.CharField(read_only=True)
    result = serializers.CharField(read_only=True, help_text="a signature, a wrapped key, a size; never a secret")
    version = serializers.CharField(read_only=True)
    milliseconds = serializers.IntegerField(read_only=True)
    request_id = serializers.UUIDField(read_only=True)


class RefusalSerializer(serializers.Serializer[Any]):
    application = serializers.CharField(read_only=True)
    request_id = serializers.UUIDField(read_only=True, source="row.request_id")
    at = serializers.DateTimeField(read_only=True, source="row.at")
    status = serializers.IntegerField(read_only=True, source="row.status")
    operation = serializers.CharField(read_only=True, source="row.operation")
    vault = serializers.CharField(read_only=True, source="row.vault_name")
    object = serializers.CharField(read_only=True, source="row.object_id")


class ToldSerializer(RefusalSerializer):
    sentence = serializers.CharField(read_only=True, source="because", help_text="why")
    missing = serializers.CharField(read_only=True, help_text="the permission that was missing; empty: none was")
    roles = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="roles that have it")
    giver = serializers.CharField(read_only=True, help_text="who can grant it, or fix it otherwise")
    allowed_now = serializers.BooleanField(read_only=True, source="now")
    limit = serializers.IntegerField(read_only=True, help_text="of a throttled operation, in ten seconds")
    free = serializers.DateTimeField(read_only=True, help_text="of a throttled operation: when there was room again")


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


class OperationSerializer(serializers.Serializer[Any]):
    operation = serializers.CharField(read_only=True)
    done = serializers.IntegerField(read_only=True, source="all_done")
    refused = serializers.IntegerField(read_only=True, source="all_refused")
    latest = serializers.DateTimeField(read_only=True)
