"""Bodies of requests about vaults, and the form of a vault in answers (Microsoft.KeyVault, api-version 2023-07-01).

What has no effect here but is compared by tools (the tier, the choice between policies and roles) is kept and
returned. What would have an effect at Azure that this service does not have is refused, not ignored.
"""

from typing import Any

import msgspec

from apps.domain.identity.queries import addresses, get_organisation
from apps.domain.vaults.models import Vault
from apps.interfaces.resource_manager import addresses as ids
from apps.interfaces.resource_manager.errors import BadContent, Unsupported

_SKUS = ("standard", "premium")
_DEPLOYMENT = "the vault is not in Azure: none of its virtual machines, disks or templates can read from it"
Json = dict[str, Any]


class Content(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Members that this version does not know are refused."""


class Sku(Content):
    name: str
    family: str = "A"


class NetworkRules(Content):
    bypass: str | None = None
    default_action: str | None = None
    ip_rules: list[Any] | None = None
    virtual_network_rules: list[Any] | None = None


class Permissions(Content):
    keys: list[str] | None = None
    secrets: list[str] | None = None
    certificates: list[str] | None = None
    storage: list[str] | None = None


class AccessPolicy(Content):
    tenant_id: str
    object_id: str
    permissions: Permissions
    application_id: str | None = None


class Properties(Content):
    """Of a vault. What is None was not sent."""

    tenant_id: str | None = None
    sku: Sku | None = None
    access_policies: list[AccessPolicy] | None = None
    create_mode: str | None = None
    enable_purge_protection: bool | None = None
    enable_rbac_authorization: bool | None = None
    enable_soft_delete: bool | None = None
    soft_delete_retention_in_days: int | None = None
    enabled_for_deployment: bool | None = None
    enabled_for_disk_encryption: bool | None = None
    enabled_for_template_deployment: bool | None = None
    network_acls: NetworkRules | None = None
    public_network_access: str | None = None
    # Read-only: clients send back what they got.
    vault_uri: Any = None
    hsm_pool_resource_id: Any = None
    provisioning_state: Any = None
    private_endpoint_connections: Any = None


class NameContent(Content):
    """The body of a request whether a name is free."""

    name: str
    type: str


class VaultContent(Content):
    """The body of a request that creates or changes a vault."""

    location: str | None = None
    tags: dict[str, str] | None = None
    properties: Properties = msgspec.field(default_factory=Properties)
    # Read-only, as above.
    id: Any = None
    name: Any = None
    type: Any = None
    system_data: Any = None

    @property
    def recovers(self) -> bool:
        """Whether the request recovers a deleted vault. Raises `BadContent` for another mode."""
        mode = (self.properties.create_mode or "default").lower()
        if mode not in ("default", "recover"):
            raise BadContent(f"The createMode '{mode[:40]}' is not one of default, recover.")
        return mode == "recover"

    def check(self) -> None:
        """Raise `BadContent`, `Unsupported` for what the service cannot do."""
        asked = self.properties
        tenant = str(get_organisation().tenant_id)
        if asked.tenant_id is not None and asked.tenant_id.lower() != tenant:
            raise BadContent(f"The tenantId must be {tenant}, the tenant of this installation.")
        if asked.sku is not None and asked.sku.name.lower() not in _SKUS:
            raise BadContent(f"The sku must be one of {', '.join(_SKUS)}. It has no effect here.")
        if asked.enable_soft_delete is False:
            raise BadContent("Soft delete cannot be disabled.")
        if asked.enable_purge_protection is False:
            raise BadContent('The property "enablePurgeProtection" cannot be set to false. Leave it out.')
        _check_unsupported(asked)

    @property
    def settings(self) -> Json:
        """The arguments of `vaults.operations` that the request names."""
        asked = self.properties
        named = {
            "recoverable_days": asked.soft_delete_retention_in_days,
            "purge_protection": asked.enable_purge_protection,
            "tags": self.tags,
        }
        return {name: value for name, value in named.items() if value is not None}

    def tool_settings(self, before: Json) -> Json:
        """What tools compare later: of the vault as it is, with what the request names."""
        asked = self.properties
        rbac = asked.enable_rbac_authorization
        if rbac is None and "rbac" not in before and asked.access_policies:
            rbac = False  # older clients name policies only
        named: Json = {"sku": asked.sku.name.lower() if asked.sku else None, "rbac": rbac}
        return {**before, **{name: value for name, value in named.items() if value is not None}}


def _check_unsupported(asked: Properties) -> None:
    for name in ("enabled_for_deployment", "enabled_for_disk_encryption", "enabled_for_template_deployment"):
        if getattr(asked, name):
            raise Unsupported(f"{_camel(name)} must be false: {_DEPLOYMENT}.")
    rules = asked.network_acls
    if rules is not None and (
        rules.ip_rules or rules.virtual_network_rules or (rules.default_action or "allow").lower() != "allow"
    ):
        raise Unsupported("networkAcls must allow everything: limit access to the vault in your own network instead.")
    if (asked.public_network_access or "enabled").lower() != "enabled":
        raise Unsupported("publicNetworkAccess must be Enabled: limit access to the vault in your own network instead.")


def vault_answer(row: Vault, policies: list[Json]) -> Json:
    """The form of a vault. `policies`: its access policies in the form of requests."""
    settings = row.tool_settings
    properties: Json = {
        "tenantId": str(get_organisation().tenant_id),
        "sku": {"family": "A", "name": settings.get("sku", "standard" if row.test else "premium")},
        "accessPolicies": policies,
        "enabledForDeployment": False,
        "enabledForDiskEncryption": False,
        "enabledForTemplateDeployment": False,
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": row.recoverable_days,
        "enableRbacAuthorization": settings.get("rbac", True),
        "networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [], "virtualNetworkRules": []},
        "vaultUri": vault_uri(row),
        "provisioningState": "Succeeded" if row.state == Vault.State.READY else "RegisteringDns",
        "publicNetworkAccess": "Enabled",
    }
    if row.purge_protection:  # Azure leaves it out when it is off
        properties["enablePurgeProtection"] = True
    return {**resource_answer(row), "properties": properties}


def resource_answer(row: Vault) -> Json:
    """The form of a vault in lists of resources."""
    return {
        "id": ids.vault(row),
        "name": row.name,
        "type": ids.VAULT_TYPE,
        "location": row.world.region,
        "tags": row.tags,
        "systemData": {"createdAt": row.created.isoformat()},
    }


def deleted_answer(row: Vault) -> Json:
    """The form of a deleted vault."""
    assert row.deleted is not None and row.purge_after is not None  # noqa: S101, PT018  the caller found a deleted one
    return {
        "id": ids.deleted_vault(row),
        "name": row.name,
        "type": ids.DELETED_TYPE,
        "properties": {
            "vaultId": ids.vault(row),
            "location": row.world.region,
            "tags": row.tags,
            "deletionDate": row.deleted.isoformat(),
            "scheduledPurgeDate": row.purge_after.isoformat(),
            "purgeProtectionEnabled": row.purge_protection,
        },
    }


def vault_uri(row: Vault) -> str:
    """The address of a vault's data plane."""
    return f"https://{row.name.lower()}.{addresses().authority_part}/"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
