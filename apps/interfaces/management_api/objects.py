"""The management API for keys, secrets and certificates: what security operations do to them, never their values."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog import operations
from apps.domain.catalog import queries as inventory
from apps.domain.catalog.history import list_history
from apps.domain.keys.key_material import parse_pem
from apps.domain.keys.operations import creation as keys
from apps.domain.keys.operations import rotation
from apps.domain.keys.rotation_policy import Policy
from apps.domain.keys.rules import NewKey
from apps.domain.vaults.queries import get_vault
from apps.interfaces.management_api.base import ManagementView, SwitchSerializer, read

_NAME = r"^[0-9a-zA-Z-]{1,127}\Z"
PAGE = 100


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


class Objects(ManagementView):
    """Objects of a kind in a vault."""

    operation = Operation.OBJECT_LIST
    permissions: ClassVar = {"get": Permission.KEYS_LIST}

    @extend_schema(
        operation_id="objects_list",
        parameters=[OpenApiParameter("q", str), OpenApiParameter("after", str)],
        responses=ObjectSerializer(many=True),
    )
    def get(self, request: Request, name: str, kind: str) -> Response:
        """List keys, secrets or certificates by name, a hundred at a time; `after`: the last page's last name."""
        vault = get_vault(name=name)
        if kind not in inventory.KINDS:
            self.grant(request, Scope.of(vault))
            raise inventory.ObjectNotFound("Lists: keys, secrets, certificates.")
        principal = self.grant(request, Scope.of(vault), inventory.permission_for(kind, "list")).principal
        after, text = request.query_params.get("after", "").lower(), request.query_params.get("q", "")
        rows = inventory.list_objects(
            principal=principal,
            vault=vault,
            kind=kind,
            search=text.replace("\0", ""),
            after=after.replace("\0", ""),
            limit=PAGE,
        )
        return Response(ObjectSerializer(rows, many=True).data)


class NewKeyView(ManagementView):
    """Making keys."""

    operation = Operation.KEY_CREATE
    permissions: ClassVar = {"post": Permission.KEYS_CREATE}

    @extend_schema(request=NewKeySerializer, responses={201: VersionSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Make a key, or a new version of the one that has the name."""
        vault = get_vault(name=name)
        grant = self.grant(request, Scope.of(vault))
        data = read(NewKeySerializer, request)
        spec = NewKey(key_type=data["type"], hardware=data["hardware"], parameter=data["parameter"])
        made = keys.create(grant=grant, vault=vault, name=data["name"], spec=spec, now=now())
        return Response(VersionSerializer(made).data, status=201)


class ImportKeyView(ManagementView):
    """Bringing keys."""

    operation = Operation.KEY_IMPORT
    permissions: ClassVar = {"post": Permission.KEYS_IMPORT}
    require_reauth = frozenset({"post"})

    @extend_schema(request=BroughtKeySerializer, responses={201: VersionSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Take a key in clear, JWK or PEM. On a vault for production a second person decides about exactly this key."""
        vault = get_vault(name=name)
        grant = self.grant(request, Scope.of(vault))
        data = read(BroughtKeySerializer, request)
        imported = parse_pem(data["key"])
        spec = NewKey(imported.key_type, data["hardware"], imported.parameter, imported.operations)
        made = keys.import_key(
            grant=grant, vault=vault, name=data["name"], spec=spec, material=imported.material, now=now()
        )
        return Response(VersionSerializer(made).data, status=201)


class OneObject(ManagementView):
    """One object."""

    operation = Operation.OBJECT_DELETE
    permissions: ClassVar = {"get": Permission.KEYS_LIST, "delete": Permission.KEYS_DELETE}

    @extend_schema(operation_id="objects_retrieve", responses=VersionSerializer(many=True))
    def get(self, request: Request, name: str, kind: str, item: str) -> Response:
        """List its newest versions."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        self.grant(request, inventory.scope_of(vault, kind, row), inventory.permission_for(kind, "list"))
        return Response(VersionSerializer(inventory.versions_of(row, limit=PAGE), many=True).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str, kind: str, item: str) -> Response:
        """Delete it softly."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        grant = self.grant(request, inventory.scope_of(vault, kind, row), inventory.permission_for(kind, "delete"))
        operations.delete(grant=grant, vault=vault, kind=kind, name=row.name, now=now())
        return Response(status=204)


class Recover(ManagementView):
    """Recovering."""

    operation = Operation.OBJECT_RECOVER
    permissions: ClassVar = {"post": Permission.KEYS_RECOVER}

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, name: str, kind: str, item: str) -> Response:
        """Make a deleted object live again."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        grant = self.grant(request, inventory.scope_of(vault, kind, row), inventory.permission_for(kind, "recover"))
        operations.recover(grant=grant, vault=vault, kind=kind, name=row.name)
        return Response(status=204)


class Purge(ManagementView):
    """Purging."""

    operation = Operation.OBJECT_PURGE
    permissions: ClassVar = {"post": Permission.KEYS_PURGE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, name: str, kind: str, item: str) -> Response:
        """Remove a deleted object for good; on a guarded vault with a second person."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        grant = self.grant(request, inventory.scope_of(vault, kind, row), inventory.permission_for(kind, "purge"))
        operations.purge(grant=grant, vault=vault, kind=kind, name=row.name, now=now())
        return Response(status=204)


class Rotate(ManagementView):
    """Rotating a key."""

    operation = Operation.KEY_ROTATE
    permissions: ClassVar = {"post": Permission.KEYS_ROTATE}

    @extend_schema(request=None, responses={201: VersionSerializer})
    def post(self, request: Request, name: str, item: str) -> Response:
        """Make a new version now."""
        vault, row = inventory.find_object(vault_name=name, kind="keys", name=item)
        grant = self.grant(request, inventory.scope_of(vault, "keys", row))
        return Response(
            VersionSerializer(keys.rotate(grant=grant, vault=vault, name=row.name, now=now())).data, status=201
        )


class RotationPolicy(ManagementView):
    """The rotation policy of a key."""

    operation = Operation.KEY_ROTATION_POLICY_SET
    permissions: ClassVar = {"put": Permission.KEYS_SET_ROTATION_POLICY}

    @extend_schema(request=PolicySerializer, responses={204: None})
    def put(self, request: Request, name: str, item: str) -> Response:
        """Set the policy; durations as in ISO 8601."""
        vault, row = inventory.find_object(vault_name=name, kind="keys", name=item)
        grant = self.grant(request, inventory.scope_of(vault, "keys", row))
        data = read(PolicySerializer, request)
        rotation.set_policy(grant=grant, vault=vault, name=row.name, policy=Policy(**data), now=now())
        return Response(status=204)


class SwitchVersion(ManagementView):
    """Enabling and disabling a version."""

    operation = Operation.VERSION_SWITCH
    permissions: ClassVar = {"post": Permission.KEYS_UPDATE}

    @extend_schema(request=SwitchSerializer, responses={204: None})
    def post(self, request: Request, name: str, kind: str, item: str, version: str) -> Response:
        """Enable or disable one version. Effective everywhere within one second."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        grant = self.grant(request, inventory.scope_of(vault, kind, row), inventory.permission_for(kind, "update"))
        data = read(SwitchSerializer, request)
        operations.set_version_enabled(
            grant=grant,
            vault=vault,
            kind=kind,
            name=row.name,
            version=version,
            enabled=data["enabled"],
            now=now(),
        )
        return Response(status=204)


class History(ManagementView):
    """The history of an object."""

    operation = Operation.OBJECT_HISTORY
    permissions: ClassVar = {"get": Permission.KEYS_LIST}

    @extend_schema(responses=EventSerializer(many=True))
    def get(self, request: Request, name: str, kind: str, item: str) -> Response:
        """Tell what rows know of it, the latest first. The whole story is in the usage log, which auditors read."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        self.grant(request, inventory.scope_of(vault, kind, row), inventory.permission_for(kind, "list"))
        return Response(EventSerializer(list_history(vault=vault, kind=kind, row=row, limit=200), many=True).data)


class RecycleBin(ManagementView):
    """Deleted objects."""

    operation = Operation.DELETED_LIST
    permissions: ClassVar = {"get": Permission.KEYS_LIST}

    @extend_schema(responses=DeletedSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List deleted objects, the one that goes first first."""
        principal = self.grant(request).principal
        rows = [{"kind": kind, "row": row} for kind, row in inventory.list_deleted(principal=principal, limit=200)]
        return Response(DeletedSerializer(rows, many=True).data)


class Search(ManagementView):
    """Finding by name."""

    operation = Operation.SEARCH
    permissions: ClassVar = {"get": Permission.VAULTS_LIST}

    @extend_schema(parameters=[OpenApiParameter("q", str)], responses=HitSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Vaults, objects, applications and people whose names contain the text; what you may know of."""
        principal = self.grant(request).principal
        text = request.query_params.get("q", "").replace("\0", "")[:200]
        return Response(HitSerializer(inventory.search(principal=principal, text=text, limit=50), many=True).data)
