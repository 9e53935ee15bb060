"""The management API's words for keys, secrets and certificates."""

from typing import Any

from rest_framework import serializers

_NAME = r"^[0-9a-zA-Z-]{1,127}\Z"
_DURATION: dict[str, Any] = {"max_length": 32, "required": False, "default": "", "allow_blank": True}


class ObjectSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(read_only=True)
    managed = serializers.BooleanField(read_only=True, help_text="belongs to the certificate of the same name")
    version = serializers.CharField(read_only=True, source="current.version")
    enabled = serializers.BooleanField(read_only=True, source="current.enabled")
    expires = serializers.DateTimeField(read_only=True, source="current.expires")
    deleted = serializers.DateTimeField(read_only=True)


class VersionSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(read_only=True)
    enabled = serializers.BooleanField(read_only=True)
    created = serializers.DateTimeField(read_only=True)
    expires = serializers.DateTimeField(read_only=True)


class NewKeySerializer(serializers.Serializer[Any]):
    name = serializers.RegexField(_NAME)
    type = serializers.ChoiceField(choices=["RSA", "EC", "oct"])
    parameter = serializers.CharField(max_length=8, help_text="RSA and oct: bits; EC: P-256, P-384, P-521, P-256K")
    hardware = serializers.BooleanField(
        required=False, default=True, help_text="false: protected by software, for tests"
    )


class BroughtKeySerializer(serializers.Serializer[Any]):
    """A key that the caller has in clear."""

    name = serializers.RegexField(_NAME)
    key = serializers.CharField(write_only=True, help_text="a private key: JWK or PEM, as text")
    hardware = serializers.BooleanField(
        required=False, default=True, help_text="false: protected by software, for tests"
    )


class PolicySerializer(serializers.Serializer[Any]):
    expiry_time = serializers.CharField(**_DURATION)
    rotate_after_create = serializers.CharField(**_DURATION)
    rotate_before_expiry = serializers.CharField(**_DURATION)
    notify_before_expiry = serializers.CharField(**_DURATION)


class EventSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(read_only=True)
    what = serializers.CharField(read_only=True)
    who = serializers.CharField(read_only=True, help_text="empty when no row knows")
    version = serializers.CharField(read_only=True)
    detail = serializers.CharField(read_only=True)
    kind = serializers.CharField(read_only=True, help_text="the operation or the act")


class DeletedSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(read_only=True)
    vault = serializers.CharField(read_only=True, source="row.vault.name")
    name = serializers.CharField(read_only=True, source="row.name")
    deleted = serializers.DateTimeField(read_only=True, source="row.deleted")
    purge_after = serializers.DateTimeField(read_only=True, source="row.purge_after")


class HitSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(read_only=True)
    vault = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
