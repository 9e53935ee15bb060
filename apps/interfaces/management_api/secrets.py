"""The management API for the values of secrets."""

import re
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog import queries as inventory
from apps.domain.catalog.role_targets import find_scope
from apps.domain.secrets.operations import values
from apps.domain.secrets.rules import NewSecret
from apps.domain.vaults.queries import get_vault
from apps.interfaces.management_api.base import ManagementView, read
from apps.interfaces.management_api.objects import VersionSerializer

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}\Z")


_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


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


class SecretValue(ManagementView):
    """Setting a secret."""

    operation = Operation.SECRET_SET
    permissions: ClassVar = {"put": Permission.SECRETS_SET}

    @extend_schema(request=SecretValueSerializer, responses={201: VersionSerializer})
    def put(self, request: Request, name: str, item: str) -> Response:
        """Set a new value, if `base_version` is still current; content type and tags stay unless one is given.

        The answer does not repeat the value.
        """
        vault = get_vault(name=name)
        grant = self.grant(request, _secret_scope(vault, item))
        data = read(SecretValueSerializer, request)
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
    uses_objects = True
    permissions: ClassVar = {"post": Permission.SECRETS_GET}
    require_reauth = frozenset({"post"})

    @extend_schema(request=RevealSerializer, responses=RevealedSerializer)
    def post(self, request: Request, name: str, item: str) -> Response:
        """Read the value of a secret, saying why. Recorded; nobody may keep the answer."""
        vault = get_vault(name=name)
        grant = self.grant(request, _secret_scope(vault, item))
        data = read(RevealSerializer, request)
        facts, value = values.reveal(grant=grant, vault=vault, name=item, **data)
        shown = {"version": facts.version, "content_type": facts.content_type, "value": value}
        return Response(shown, headers=_NO_STORE)


def _secret_scope(vault: Any, item: str) -> Scope:
    """A secret that may be there or not. A name that no secret can have is none."""
    if not _NAME.match(item):
        raise inventory.object_not_found("secret", item, vault_name=vault.name)
    return find_scope(vault, "secret", item)
