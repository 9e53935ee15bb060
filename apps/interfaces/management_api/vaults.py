"""The management API for vaults and test vaults."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import lifecycle_now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog.visibility import check_deleted_vault
from apps.domain.identity.queries import addresses
from apps.domain.vaults import deletion
from apps.domain.vaults import operations as vaults
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import VaultNotFound, get_deleted_vault, get_vault, list_deleted_vaults, list_vaults
from apps.interfaces.management_api.authentication import SignedIn
from apps.interfaces.management_api.base import Resource, SwitchSerializer, endpoint

_ON_CONFLICT = (
    "what creating, importing or setting does with the name of a deleted object: `refuse` (409), or `recover` it for "
    "callers who may, and add the version"
)

_NEAR_EXPIRY = (
    "days before the expiry of a secret, certificate or key at which it expires soon; a key's policy may differ"
)


class VaultSerializer(serializers.Serializer[Any]):
    """A vault. `name` and `world` are required when creating."""

    name = serializers.CharField(max_length=24)
    world = serializers.CharField(max_length=24, source="world.name")
    geography = serializers.CharField(read_only=True, source="world.geography")
    state = serializers.CharField(read_only=True)
    recoverable_days = serializers.IntegerField(
        required=False,
        default=90,
        min_value=7,
        max_value=90,
        help_text="days in which a deleted object can be recovered",
    )
    purge_protection = serializers.BooleanField(
        required=False,
        default=False,
        help_text="deleted objects cannot be purged before the retention period ends; cannot be turned off",
    )
    production = serializers.BooleanField(
        required=False,
        default=False,
        help_text="purges, role assignments and key imports need approval by a second person",
    )
    rsa1_5 = serializers.BooleanField(
        read_only=True, help_text="keys decrypt and unwrap with RSA1_5, whose padding leaks; off by default"
    )
    on_conflict = serializers.CharField(read_only=True, help_text=_ON_CONFLICT)
    near_expiry_days = serializers.IntegerField(read_only=True, help_text=_NEAR_EXPIRY)
    frozen = serializers.BooleanField(read_only=True, help_text="the data plane denies every request")
    tags = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=256),
        required=False,
        help_text="text by name, for people and their tools",
    )
    limits = serializers.JSONField(
        read_only=True, help_text="the vault's own quotas, per ten seconds; the others have the default"
    )
    created = serializers.DateTimeField(read_only=True)
    url = serializers.SerializerMethodField()

    def get_url(self, vault: Vault) -> str:
        """The address of the vault's data plane."""
        return f"https://{vault.name.lower()}.{addresses().authority_part}"


class VaultChangeSerializer(serializers.Serializer[Any]):
    """The settings of a vault that can be changed. Those that are left out stay as they are."""

    recoverable_days = serializers.IntegerField(required=False, min_value=7, max_value=90)
    purge_protection = serializers.BooleanField(required=False)
    production = serializers.BooleanField(required=False)
    rsa1_5 = serializers.BooleanField(
        required=False, help_text="allow decryption with RSA1_5; on a production vault with approval"
    )
    on_conflict = serializers.ChoiceField(required=False, choices=Vault.OnConflict.choices, help_text=_ON_CONFLICT)
    near_expiry_days = serializers.IntegerField(required=False, min_value=1, max_value=365, help_text=_NEAR_EXPIRY)
    tags = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=256),
        required=False,
        help_text="all tags: those that are left out are removed",
    )
    limits = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=1_000_000),
        required=False,
        help_text="by name, per ten seconds: hsm-key-create, key-create, hsm-rsa-2048, secret-create, other ...",
    )


class TestVaultSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=24)
    world = serializers.CharField(max_length=24)


class DeletedVaultSerializer(serializers.Serializer[Any]):
    """A deleted vault, which can be recovered until it is purged."""

    name = serializers.CharField(read_only=True)
    world = serializers.CharField(read_only=True, source="world.name")
    production = serializers.BooleanField(read_only=True)
    purge_protection = serializers.BooleanField(read_only=True)
    deleted = serializers.DateTimeField(read_only=True)
    purge_after = serializers.DateTimeField(read_only=True, help_text="from then on it is purged automatically")


class Vaults(Resource):
    """Vaults. Permissions to change them apply to the whole organisation; to delete one, to that vault."""

    def scope(self) -> Scope:
        return Scope.of(self.vault) if self.action == "destroy" else Scope()

    @endpoint(Operation.VAULT_LIST, Permission.VAULTS_LIST, lists=VaultSerializer)
    def list(self) -> Any:
        """List the vaults that you may see."""
        return list_vaults(self.grant.principal)

    @endpoint(Operation.VAULT_LIST, Permission.VAULTS_CREATE, takes=VaultSerializer, creates=VaultSerializer)
    def create(self) -> Any:
        """Create a vault, with its key in the HSM of its security world."""
        settings = {**self.data}
        world_name = settings.pop("world")["name"]
        return vaults.create(grant=self.grant, world_name=world_name, now=lifecycle_now(), **settings)

    @endpoint(Operation.VAULT_GET, Permission.VAULTS_LIST, returns=VaultSerializer)
    def retrieve(self) -> Any:
        """Read a vault."""
        return self.vault

    @endpoint(
        Operation.VAULT_GET, Permission.VAULTS_UPDATE, takes=VaultChangeSerializer, returns=VaultSerializer, reauth=True
    )
    def update(self) -> Any:
        """Change retention, purge protection, production, RSA1_5, names of deleted objects or quotas."""
        return vaults.update(grant=self.grant, name=self.kwargs["name"], now=lifecycle_now(), **self.data)

    @endpoint(Operation.VAULT_DELETE, Permission.VAULTS_DELETE, returns=DeletedVaultSerializer, reauth=True)
    def destroy(self) -> Any:
        """Delete a vault: the data plane no longer finds it. It can be recovered until its retention period ends.

        A production vault needs approval by a second person.
        """
        return deletion.delete(grant=self.grant, vault=self.vault, now=lifecycle_now())

    @endpoint(
        Operation.VAULT_FREEZE, Permission.VAULTS_UPDATE, takes=SwitchSerializer, returns=VaultSerializer, reauth=True
    )
    def freeze(self) -> Any:
        """Freeze a vault (`enabled` false): the data plane denies every request. `enabled` true unfreezes it."""
        name = self.kwargs["name"]
        vaults.set_frozen(grant=self.grant, name=name, frozen=not self.data["enabled"])
        return get_vault(name=name)

    @endpoint(
        Operation.TEST_VAULT_PUT, Permission.TEST_VAULTS_CREATE, takes=TestVaultSerializer, creates=VaultSerializer
    )
    def create_test_vault(self) -> Any:
        """Create a test vault of your own: the same API, software-protected keys."""
        name, world_name = self.data["name"], self.data["world"]
        return vaults.create_test_vault(grant=self.grant, name=name, world_name=world_name, now=lifecycle_now())


class DeletedVaults(Resource):
    """Deleted vaults. Their names stay taken until they are purged."""

    def scope(self) -> Scope:
        """The vault of the address. The organisation if there is none, so that few callers learn that it is missing."""
        user = self.request.user
        assert isinstance(user, SignedIn)  # noqa: S101  the permission classes let nobody else in
        try:
            return Scope.of(get_deleted_vault(name=self.kwargs.get("deleted", ""), principal=user.principal))
        except VaultNotFound:
            return Scope()

    def find_vault(self) -> Vault:
        """The vault of the address. Raises `VaultNotFound`."""
        operation = self.declaration.operation
        return check_deleted_vault(
            self.grant.principal, self.grant.request, name=self.kwargs["deleted"], operation=operation
        )

    @endpoint(Operation.DELETED_VAULT_LIST, Permission.VAULTS_LIST, lists=DeletedVaultSerializer)
    def list(self) -> Any:
        """List the deleted vaults, the next to be purged first."""
        return list_deleted_vaults(self.grant.principal)

    @endpoint(Operation.VAULT_RECOVER, Permission.VAULTS_DELETE, returns=VaultSerializer, reauth=True)
    def recover(self) -> Any:
        """Recover a deleted vault, with everything in it and its role assignments."""
        name = deletion.recover(grant=self.grant, vault=self.find_vault()).name
        return get_vault(name=name)

    @endpoint(Operation.VAULT_PURGE, Permission.VAULTS_PURGE, reauth=True)
    def destroy(self) -> None:
        """Purge a deleted vault with everything in it. A production vault needs approval by a second person."""
        deletion.purge(grant=self.grant, vault=self.find_vault(), now=lifecycle_now())
