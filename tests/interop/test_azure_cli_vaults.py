"""Azure CLI: the commands of `az keyvault` that manage vaults, as an application with the role Vault Manager."""

import pytest

from tests.support.azure_cli import AzureCli, Refused
from tests.support.compatibility import locked, proves
from tests.support.forwarding_proxy import ForwardingProxy
from tests.support.vault_manager import make_vault_manager

pytestmark = pytest.mark.stack

# These are of managed HSMs; the name check of `az` is, too.
NOT_OF_VAULTS = {f"keyvault {command}" for command in ("update-hsm", "wait-hsm", "check-name")}


@pytest.fixture(scope="module")
def manager(stack, management):
    return make_vault_manager(stack, management)


@pytest.fixture(scope="module")
def az(azure_cli, stack, manager, tmp_path_factory):
    """Azure CLI, signed in as the manager."""
    directory = tmp_path_factory.mktemp("azure-manager")
    with ForwardingProxy() as proxy:
        with AzureCli(azure_cli / "python", stack, directory, {"HTTPS_PROXY": proxy.url}) as cli:
            cli.sign_in_to_manage(manager)
            yield cli
        assert not proxy.refused


def test_the_life_of_a_vault(az, stack, manager, name):
    made = az(f"keyvault create --name {name} --resource-group {manager.group} --retention-days 7 --tags owner=cli")
    assert (made["name"], made["location"], made["tags"]) == (name, manager.location, {"owner": "cli"})
    assert made["properties"]["vaultUri"] == f"https://{name}.{stack.authority.partition('login.')[2]}/"
    assert made["properties"]["softDeleteRetentionInDays"] == 7
    with pytest.raises(Refused, match="already exists"):
        az(f"keyvault create --name {name} --resource-group {manager.group}")
    assert az(f"keyvault show --name {name}")["id"] == made["id"]
    assert name in {row["name"] for row in az("keyvault list")}
    changed = az(f"keyvault update --name {name} --retention-days 7 --set tags.owner=others")
    assert changed["tags"] == {"owner": "others"}
    az(f"keyvault wait --name {name} --exists --timeout 10 --interval 1")

    az(f"keyvault delete --name {name}")
    with pytest.raises(Refused, match="not found"):
        az(f"keyvault show --name {name}")
    assert name in {row["name"] for row in az("keyvault list-deleted --resource-type vault")}
    assert az(f"keyvault show-deleted --name {name}")["properties"]["vaultId"] == made["id"]
    assert az(f"keyvault recover --name {name}")["id"] == made["id"]
    az(f"keyvault delete --name {name}")
    az(f"keyvault purge --name {name}")
    assert name not in {row["name"] for row in az("keyvault list-deleted")}


def test_policies(az, manager, management, stack, name):
    rows = management.ask("GET", "applications").json()
    who = next(row["principal_id"] for row in rows if row["client_id"] == stack.client_id)
    policies = f"--name {name} --resource-group {manager.group}"
    az(f"keyvault create {policies} --enable-rbac-authorization false --no-self-perms")
    changed = az(
        f"keyvault set-policy {policies} --object-id {who} --secret-permissions get list --key-permissions get"
    )
    permissions = changed["properties"]["accessPolicies"][0]["permissions"]
    assert (permissions["secrets"], permissions["keys"]) == (["get", "list"], ["get"])
    removed = az(f"keyvault delete-policy {policies} --object-id {who}")
    assert removed["properties"]["accessPolicies"] == []


def test_every_command_was_run(az):
    """Runs last in this file."""
    offered = {command for command in az.offered() if command.count(" ") == 1}
    assert offered - az.used == NOT_OF_VAULTS
    what = "every command for vaults: create, show, list, change, delete, recover, purge, policies"
    proves("Azure CLI, `az keyvault`", locked("azure-cli", "azure-cli"), what)
