"""The official management SDK, unmodified: the whole life of a vault, as an application that manages vaults."""

import importlib.metadata

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import (
    AccessPolicyEntry,
    Permissions,
    Sku,
    VaultAccessPolicyParameters,
    VaultAccessPolicyProperties,
    VaultCheckNameAvailabilityParameters,
    VaultCreateOrUpdateParameters,
    VaultPatchParameters,
    VaultPatchProperties,
    VaultProperties,
)

from tests.support import programs
from tests.support.compatibility import proves
from tests.support.vault_manager import make_vault_manager
from tests.support.waiting import wait_until

GROUP = "europe"


@pytest.fixture(scope="module")
def manager(stack, management):
    return make_vault_manager(stack, management)


@pytest.fixture(scope="module")
def client(manager):
    scopes = [f"{manager.endpoint}/.default"]
    with KeyVaultManagementClient(
        manager.credential, manager.subscription, base_url=manager.endpoint, credential_scopes=scopes
    ) as made:
        yield made


@pytest.fixture(scope="module")
def location(manager):
    return manager.location


@pytest.fixture
def parameters(stack, location):
    def make(**properties):
        properties = {"tenant_id": stack.tenant, "sku": Sku(family="A", name="standard"), **properties}
        return VaultCreateOrUpdateParameters(
            location=location, tags={"owner": "tests"}, properties=VaultProperties(**properties)
        )

    return make


def test_the_life_of_a_vault(stack, client, parameters, name, location, management):
    vaults = client.vaults
    check = VaultCheckNameAvailabilityParameters(name=name, type="Microsoft.KeyVault/vaults")
    assert vaults.check_name_availability(check).name_available
    made = vaults.begin_create_or_update(GROUP, name, parameters(soft_delete_retention_in_days=30)).result()
    assert (made.name, made.location, made.tags) == (name, location, {"owner": "tests"})
    assert made.properties.vault_uri == f"https://{name}.{stack.authority.partition('login.')[2]}/"
    assert (made.properties.sku.name, made.properties.soft_delete_retention_in_days) == ("standard", 30)
    assert vaults.get(GROUP, name).id == made.id
    assert name in {row.name for row in vaults.list_by_resource_group(GROUP)}
    assert name in {row.name for row in vaults.list_by_subscription()}
    assert name in {row.name for row in vaults.list(top=500)}
    assert vaults.check_name_availability(check).reason == "AlreadyExists"
    changed = vaults.update(
        GROUP, name, VaultPatchParameters(tags={"owner": "others"}, properties=VaultPatchProperties())
    )
    assert changed.tags == {"owner": "others"}

    role = {"application": "demo-application", "role": "key-vault-secrets-officer"}
    assert management.ask("POST", f"vaults/{name}/role-assignments", role).status == 201
    secrets = stack.sdk(SecretClient, made.properties.vault_uri)
    assert secrets.set_secret("kept", "value").value == "value"

    vaults.delete(GROUP, name)
    with pytest.raises(ResourceNotFoundError) as missing:
        vaults.get(GROUP, name)
    assert missing.value.error.code == "ResourceNotFound"
    wait_until(lambda: status_of(secrets) == 404, "the data plane without the vault")
    assert name in {row.name for row in vaults.list_deleted()}
    deleted = vaults.get_deleted(name, location)
    assert deleted.properties.vault_id == made.id
    with pytest.raises(HttpResponseError) as taken:
        vaults.begin_create_or_update(GROUP, name, parameters())
    assert taken.value.error.code == "ConflictError"

    vaults.begin_create_or_update(GROUP, name, parameters(create_mode="recover")).result()
    wait_until(lambda: status_of(secrets) == 200, "the recovered vault")
    vaults.delete(GROUP, name)
    vaults.begin_purge_deleted(name, location).result()
    with pytest.raises(ResourceNotFoundError):
        vaults.get_deleted(name, location)
    assert vaults.check_name_availability(check).name_available


def status_of(secrets):
    try:
        secrets.get_secret("kept")
    except HttpResponseError as error:
        return error.status_code
    return 200


def test_policies_let_an_application_in(stack, client, parameters, name, management):
    rows = management.ask("GET", "applications").json()
    who = next(row["principal_id"] for row in rows if row["client_id"] == stack.client_id)
    policy = AccessPolicyEntry(
        tenant_id=stack.tenant, object_id=who, permissions=Permissions(secrets=["get", "set"], keys_property=[])
    )
    made = client.vaults.begin_create_or_update(
        GROUP, name, parameters(access_policies=[policy], enable_rbac_authorization=False)
    ).result()
    assert made.properties.access_policies[0].permissions.secrets == ["get", "set"]
    secrets = stack.sdk(SecretClient, made.properties.vault_uri)
    assert secrets.set_secret("a", "value").value == "value"
    with pytest.raises(HttpResponseError) as denied:
        list(secrets.list_properties_of_secrets())
    assert denied.value.status_code == 403
    more = AccessPolicyEntry(tenant_id=stack.tenant, object_id=who, permissions=Permissions(secrets=["list"]))
    changes = VaultAccessPolicyParameters(properties=VaultAccessPolicyProperties(access_policies=[more]))
    client.vaults.update_access_policy(GROUP, name, "add", changes)
    wait_until(lambda: can_list(secrets), "the added permission")


def can_list(secrets):
    try:
        return [row.name for row in secrets.list_properties_of_secrets()] == ["a"]
    except HttpResponseError:
        return False


def test_what_a_second_person_approves_is_told(client, management, name, parameters, location):
    client.vaults.begin_create_or_update(GROUP, name, parameters()).result()
    assert management.ask("PATCH", f"vaults/{name}", {"production": True}).status == 200
    with pytest.raises(HttpResponseError, match="needs approval") as waiting:
        client.vaults.delete(GROUP, name)
    assert (waiting.value.status_code, waiting.value.error.code) == (202, "ApprovalRequired")
    programs.output_of(APPROVE, name, settings="web", role="WEB")
    client.vaults.delete(GROUP, name)
    with pytest.raises(HttpResponseError, match="needs approval"):  # a client that polls learns it, too
        client.vaults.begin_purge_deleted(name, location).result()


def test_version_of_the_client():
    """Runs last in this file."""
    what = "vaults: create, read, lists, change, delete, deleted vaults, recover, purge, name check; access policies"
    proves("Python `azure-mgmt-keyvault`", importlib.metadata.version("azure-mgmt-keyvault"), what)


APPROVE = """
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.approvals.models import ApprovalRequest
from apps.domain.approvals.operations import decide
row = ApprovalRequest.objects.get(vault_name=sys.argv[1], state="open")
decide(grant=system_grant(Permission.APPROVALS_DECIDE, origin="tests"), request_id=row.pk, approve=True, now=now())
"""
