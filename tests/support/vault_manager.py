"""An application that manages vaults in the running system, and where it finds the resource management API."""

import uuid
from dataclasses import dataclass

from azure.identity import ClientSecretCredential

from tests.support import programs


@dataclass(frozen=True)
class VaultManager:
    """`endpoint`: of the API. `group`, `location`: of vaults in Europe."""

    credential: ClientSecretCredential
    client_id: str
    client_secret: str
    endpoint: str
    subscription: str
    group: str
    location: str


def make_vault_manager(stack, management):
    """Create an application and give it the role as the machine's command does, which needs no approval."""
    name, group = f"deployer-{uuid.uuid4().hex[:8]}", "europe"
    made = management.ask("POST", "applications", {"name": name}).json()
    code, _, errors = programs.manage("assign_role", "--application", name, "--role", "vault-manager")
    assert code == 0, errors
    credential = ClientSecretCredential(
        stack.tenant,
        made["client_id"],
        made["client_secret"],
        authority=stack.authority,
        disable_instance_discovery=True,
    )
    endpoint = stack.authority.replace("//login.", "//arm.")
    subscription = str(uuid.uuid5(uuid.UUID(stack.tenant), "subscription"))
    answer = stack.http().request(
        "GET",
        f"{endpoint}/subscriptions/{subscription}/resourcegroups/{group}?api-version=2021-04-01",
        headers={"Authorization": f"Bearer {credential.get_token(f'{endpoint}/.default').token}"},
    )
    assert answer.status == 200, answer.data
    location = answer.json()["location"]
    return VaultManager(credential, made["client_id"], made["client_secret"], endpoint, subscription, group, location)
