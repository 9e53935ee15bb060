"""Ids of resources (Azure Resource Manager, "Resource naming and tagging").

There is one subscription. A resource group is a security world: it says which HSMs protect the vaults in it.
"""

import uuid
from urllib.parse import quote

from apps.domain.identity.queries import addresses, get_organisation
from apps.domain.security_worlds.models import SecurityWorld
from apps.domain.vaults.models import Vault

VAULT_TYPE = "Microsoft.KeyVault/vaults"
DELETED_TYPE = "Microsoft.KeyVault/deletedVaults"
GROUP_TYPE = "Microsoft.Resources/resourceGroups"


def tenant() -> str:
    """Return the id of the tenant."""
    return str(get_organisation().tenant_id)


def subscription_id() -> str:
    """Return the id of the one subscription, which follows from the tenant's."""
    return str(uuid.uuid5(get_organisation().tenant_id, "subscription"))


def subscription() -> str:
    """Return the resource id of the subscription."""
    return f"/subscriptions/{subscription_id()}"


def group(world: SecurityWorld) -> str:
    """Return the resource id of a group."""
    return f"{subscription()}/resourceGroups/{world.name}"


def vault(row: Vault) -> str:
    """Return the resource id of a vault."""
    return f"{group(row.world)}/providers/{VAULT_TYPE}/{row.name}"


def deleted_vault(row: Vault) -> str:
    """Return the resource id of a deleted vault."""
    provider = VAULT_TYPE.partition("/")[0]
    return f"{subscription()}/providers/{provider}/locations/{row.world.region}/deletedVaults/{row.name}"


def operation_status(region: str, request_id: uuid.UUID) -> str:
    """Return the address of the state of an operation that waits for an approval."""
    return _of_operation(region, f"operationStatuses/{request_id}")


def result_of_purge(region: str) -> str:
    """Return the address of the result of a purge, for clients that wait for one."""
    return _of_operation(region, "operationResults/purge")


def _of_operation(region: str, tail: str) -> str:
    path = f"{subscription()}/providers/Microsoft.KeyVault/locations/{quote(region)}/{tail}"
    return f"{addresses().resource_manager}{path}?api-version=2023-07-01"


def is_location(text: str, world: SecurityWorld) -> bool:
    """Tell whether a client names the region of a world: "West Europe" is "westeurope"."""
    return text.replace(" ", "").lower() == world.region.replace(" ", "").lower()
