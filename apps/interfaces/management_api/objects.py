"""The management API for keys, secrets and certificates: what security operations do to them, never their values."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import lifecycle_now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog import operations
from apps.domain.catalog import queries as catalog
from apps.domain.catalog.history import list_history
from apps.domain.catalog.test_calls import run_test_call, test_permission
from apps.domain.keys.key_material import parse_pem
from apps.domain.keys.operations import creation as keys
from apps.domain.keys.operations import rotation
from apps.domain.keys.rotation_policy import RotationPolicyValues
from apps.domain.keys.rules import NewKey
from apps.domain.vaults.queries import check_serving
from apps.interfaces.management_api.base import Resource, SwitchSerializer, VaultResource, endpoint

KEY_NAME = r"^[0-9a-zA-Z-]{1,127}\Z"
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
    name = serializers.RegexField(KEY_NAME)
    type = serializers.ChoiceField(choices=["RSA", "EC", "oct", "OKP", "AKP"])
    parameter = serializers.CharField(
        max_length=16,
        help_text="RSA and oct: bits; EC: P-256, P-384, P-521, P-256K; OKP: Ed25519; AKP: ML-DSA-65, ML-KEM-768, ...",
    )
    hardware = serializers.BooleanField(
        required=False, default=True, help_text="false: protected by software, for tests"
    )


class BroughtKeySerializer(serializers.Serializer[Any]):
    """A key that the caller has in clear."""

    name = serializers.RegexField(KEY_NAME)
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
    deleted_by = serializers.CharField(read_only=True, help_text="empty if you may not recover it, or nobody knows")
    purge_after = serializers.DateTimeField(read_only=True, source="row.purge_after")


class HitSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(read_only=True)
    vault = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)


class TriedSerializer(serializers.Serializer[Any]):
    operation = serializers.CharField(read_only=True)
    allowed = serializers.BooleanField(read_only=True)
    algorithm = serializers.CharField(read_only=True)
    result = serializers.CharField(read_only=True, help_text="a signature, a wrapped key, a size; never a secret")
    version = serializers.CharField(read_only=True)
    milliseconds = serializers.IntegerField(read_only=True)
    request_id = serializers.UUIDField(read_only=True)


class Objects(VaultResource):
    """Objects of a vault. `permissions` are declared for keys; the kind in the address has its own."""

    row: Any

    @property
    def kind(self) -> str:
        """The kind that the address names."""
        return str(self.kwargs.get("kind", "keys"))

    def scope(self) -> Scope:
        if "item" not in self.kwargs:
            return super().scope()
        self.row = catalog.get_object(vault=self.vault, kind=self.kind, name=self.kwargs["item"])
        return catalog.scope_of(self.vault, self.kind, self.row)

    def permission(self) -> Permission:
        declared = super().permission()
        return catalog.permission_for(self.kind, declared.partition("/")[2]) if self.kind in catalog.KINDS else declared

    @endpoint(
        Operation.OBJECT_LIST,
        Permission.KEYS_LIST,
        lists=ObjectSerializer,
        operation_id="objects_list",
        parameters=[OpenApiParameter("q", str), OpenApiParameter("after", str)],
    )
    def list(self) -> Any:
        """List keys, secrets or certificates by name, a hundred at a time; `after`: the last page's last name."""
        if self.kind not in catalog.KINDS:
            raise catalog.ObjectNotFound("Lists: keys, secrets, certificates.")
        query = self.request.query_params
        return catalog.list_objects(
            principal=self.grant.principal,
            vault=self.vault,
            kind=self.kind,
            search=query.get("q", ""),
            after=query.get("after", "").lower(),
            limit=PAGE,
        )

    @endpoint(Operation.KEY_CREATE, Permission.KEYS_CREATE, takes=NewKeySerializer, creates=VersionSerializer)
    def create_key(self) -> Any:
        """Create a key, or a new version of the key with this name."""
        data = self.data
        spec = NewKey(key_type=data["type"], hardware=data["hardware"], parameter=data["parameter"])
        return keys.create(grant=self.grant, vault=self.vault, name=data["name"], spec=spec, now=lifecycle_now())

    @endpoint(
        Operation.KEY_IMPORT,
        Permission.KEYS_IMPORT,
        takes=BroughtKeySerializer,
        creates=VersionSerializer,
        reauth=True,
        uses_objects=True,
    )
    def import_key(self) -> Any:
        """Import a private key in JWK or PEM format. On a production vault a second person approves this very key."""
        name, imported = self.data["name"], parse_pem(self.data["key"])
        spec = NewKey(imported.key_type, self.data["hardware"], imported.parameter, imported.operations)
        material = imported.material
        return keys.import_key(
            grant=self.grant, vault=self.vault, name=name, spec=spec, material=material, now=lifecycle_now()
        )

    @endpoint(Operation.OBJECT_DELETE, Permission.KEYS_LIST, lists=VersionSerializer, operation_id="objects_retrieve")
    def list_versions(self) -> Any:
        """List the newest versions of an object."""
        return catalog.versions_of(self.row, limit=PAGE)

    @endpoint(Operation.OBJECT_DELETE, Permission.KEYS_DELETE)
    def destroy(self) -> None:
        """Soft-delete an object."""
        operations.delete(grant=self.grant, vault=self.vault, kind=self.kind, name=self.row.name, now=lifecycle_now())

    @endpoint(Operation.OBJECT_RECOVER, Permission.KEYS_RECOVER)
    def recover(self) -> None:
        """Recover a deleted object."""
        operations.recover(grant=self.grant, vault=self.vault, kind=self.kind, name=self.row.name)

    @endpoint(Operation.OBJECT_PURGE, Permission.KEYS_PURGE, reauth=True)
    def purge(self) -> None:
        """Purge a deleted object permanently. On a production vault a second person approves it."""
        operations.purge(grant=self.grant, vault=self.vault, kind=self.kind, name=self.row.name, now=lifecycle_now())

    @endpoint(Operation.KEY_ROTATE, Permission.KEYS_ROTATE, creates=VersionSerializer)
    def rotate(self) -> Any:
        """Create a new version of a key now."""
        return keys.rotate(grant=self.grant, vault=self.vault, name=self.row.name, now=lifecycle_now())

    @endpoint(Operation.KEY_ROTATION_POLICY_SET, Permission.KEYS_SET_ROTATION_POLICY, takes=PolicySerializer)
    def set_rotation_policy(self) -> None:
        """Set the rotation policy of a key. Durations are in ISO 8601."""
        policy = RotationPolicyValues(**self.data)
        rotation.set_policy(grant=self.grant, vault=self.vault, name=self.row.name, policy=policy, now=lifecycle_now())

    @endpoint(Operation.VERSION_SWITCH, Permission.KEYS_UPDATE, takes=SwitchSerializer)
    def switch_version(self) -> None:
        """Enable or disable a version. Effective everywhere within one second."""
        operations.set_version_enabled(
            grant=self.grant,
            vault=self.vault,
            kind=self.kind,
            name=self.row.name,
            version=self.kwargs["version"],
            enabled=self.data["enabled"],
            now=lifecycle_now(),
        )

    @endpoint(Operation.OBJECT_HISTORY, Permission.KEYS_LIST, lists=EventSerializer)
    def list_history(self) -> Any:
        """List the events of an object from stored rows, newest first. The complete history is in the audit log."""
        return list_history(vault=self.vault, kind=self.kind, row=self.row, limit=200)


class TestCalls(Objects):
    """Test calls, which need the permission of the operation that the object is made for."""

    def permission(self) -> Permission:
        check_serving(self.vault)
        return test_permission(self.kind, self.row)

    @endpoint(Operation.TEST_CALL, Permission.KEYS_SIGN, returns=TriedSerializer, uses_objects=True)
    def run(self) -> Any:
        """Run one operation with an object: sign, wrap, or read a secret without returning its value."""
        return run_test_call(grant_for=lambda _: self.grant, vault=self.vault, kind=self.kind, row=self.row)


class Catalog(Resource):
    """Objects of all vaults."""

    @endpoint(Operation.DELETED_LIST, Permission.KEYS_LIST, lists=DeletedSerializer)
    def list_deleted(self) -> Any:
        """List deleted objects, those that are purged first at the top."""
        rows = catalog.list_deleted(principal=self.grant.principal, limit=200)
        principal = self.grant.principal
        return [
            {"kind": kind, "row": row, "deleted_by": catalog.deleted_by(principal, kind, row)} for kind, row in rows
        ]

    @endpoint(
        Operation.SEARCH,
        Permission.VAULTS_LIST,
        lists=HitSerializer,
        parameters=[OpenApiParameter("q", str)],
    )
    def search(self) -> Any:
        """Search vaults, objects, applications and people by a part of their names, among those that you may see."""
        text = self.request.query_params.get("q", "")[:200]
        return catalog.search(principal=self.grant.principal, text=text, limit=50)
