"""The management API for the values of secrets."""

import re
from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import lifecycle_now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog.queries import object_not_found
from apps.domain.catalog.role_targets import find_scope
from apps.domain.secrets.operations import values
from apps.domain.secrets.rules import NewSecret
from apps.interfaces.management_api.base import NO_STORE, VaultResource, endpoint
from apps.interfaces.management_api.objects import VersionSerializer

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}\Z")


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


class RevealSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, help_text="why; auditors read it")
    version = serializers.RegexField(r"^([0-9a-f]{32})?\Z", required=False, default="", allow_blank=True)


class RevealedSerializer(serializers.Serializer[Any]):
    version = serializers.CharField(read_only=True)
    content_type = serializers.CharField(read_only=True, allow_null=True)
    value = serializers.CharField(read_only=True)


class Secrets(VaultResource):
    """Values of secrets."""

    def scope(self) -> Scope:
        """A secret that may be there or not. A name that no secret can have is none."""
        name = self.kwargs["item"]
        if not _NAME.match(name):
            raise object_not_found("secret", name, vault_name=self.vault.name)
        return find_scope(self.vault, "secret", name)

    @endpoint(
        Operation.SECRET_SET,
        Permission.SECRETS_SET,
        takes=SecretValueSerializer,
        creates=VersionSerializer,
        uses_objects=True,
    )
    def set_value(self) -> Any:
        """Set a new value, if `base_version` is still current; content type and tags stay unless one is given.

        The answer does not repeat the value.
        """
        base_version, content_type = self.data["base_version"], self.data["content_type"]
        return values.set_value(
            grant=self.grant,
            vault=self.vault,
            name=self.kwargs["item"],
            value=self.data["value"],
            spec=None if base_version and content_type is None else NewSecret(content_type),
            base_version=base_version,
            now=lifecycle_now(),
        )

    @endpoint(
        Operation.SECRET_REVEAL,
        Permission.SECRETS_GET,
        takes=RevealSerializer,
        returns=RevealedSerializer,
        reauth=True,
        uses_objects=True,
        headers={**NO_STORE, "Pragma": "no-cache"},
    )
    def reveal(self) -> Any:
        """Read the value of a secret, saying why. Recorded; nobody may keep the answer."""
        facts, value = values.reveal(grant=self.grant, vault=self.vault, name=self.kwargs["item"], **self.data)
        return {"version": facts.version, "content_type": facts.content_type, "value": value}
