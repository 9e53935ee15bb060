"""Groups through the management API, and what they open on the data plane."""

import time
import uuid

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient

from tests.support.management import vault_name

pytestmark = pytest.mark.stack


@pytest.fixture
def group(management):
    name = f"g-{uuid.uuid4().hex[:10]}"
    assert management.ask("POST", "groups", {"name": name}).status == 201
    yield name
    management.ask("DELETE", f"groups/{name}")


@pytest.fixture
def vault(management):
    """(name, url) of a new vault."""
    url = management.vault()
    return vault_name(url), url


def test_a_member_gets_in_within_a_second_and_out_within_a_second(management, stack, group, vault):
    name, url = vault
    stranger = stack.credential(ClientSecretCredential, stranger=True)
    client = KeyClient(url, stranger, connection_verify=stack.ca)
    role = {"group": group, "role": "key-vault-crypto-officer"}
    assert management.ask("POST", f"vaults/{name}/role-assignments", role).status == 201
    with pytest.raises(HttpResponseError, match="not authorized"):
        client.create_ec_key("shared")
    assert management.ask("PUT", f"groups/{group}/members/demo-stranger").status == 204
    time.sleep(1)
    assert client.create_ec_key("shared").name == "shared"
    found = management.ask("GET", f"groups/{group}").json()
    assert [member["name"] for member in found["members"]] == ["demo-stranger"]
    assert found["roles"] == [{"vault": name, "role": "key-vault-crypto-officer", "what": ""}]
    query = f"access/explain?principal=demo-stranger&permission=keys/sign&vault={name}"
    assert f"is in the group {group}" in management.ask("GET", query).json()["because"]
    rows = management.ask("GET", f"vaults/{name}/role-assignments").json()
    assert {"application": "", "key": "", "secret": "", "certificate": "", **role} in rows
    assert management.ask("DELETE", f"groups/{group}/members/demo-stranger").status == 204
    time.sleep(1)
    with pytest.raises(HttpResponseError, match="not authorized"):
        client.get_key("shared")


def test_joining_a_group_that_reaches_production_names_the_open_request(management, group, vault):
    name, _ = vault
    role = {"group": group, "role": "key-vault-reader"}
    assert management.ask("POST", f"vaults/{name}/role-assignments", role).status == 201
    assert management.ask("PATCH", f"vaults/{name}", {"production": True}).status == 200
    refused = management.ask("PUT", f"groups/{group}/members/demo-stranger")
    assert refused.status == 403
    (request,) = [row for row in management.ask("GET", "approvals").json() if row["vault"] == name]
    assert request["id"] in refused.data.decode()
    assert request["change"] == {
        "who": "demo-stranger",
        "joins": group,
        "gets": ["Key Vault Reader at the whole vault"],
    }
    own = management.ask("POST", f"approvals/{request['id']}", {"approve": True})
    assert own.status == 403
    assert management.ask("GET", f"groups/{group}").json()["members"] == []


def test_groups_are_listed_and_gone_when_deleted(management, group):
    assert {"name": group, "members": 0, "roles": 0} in management.ask("GET", "groups").json()
    assert management.ask("POST", "groups", {"name": group.upper()}).status == 409
    assert management.ask("DELETE", f"groups/{group}").status == 204
    assert management.ask("GET", f"groups/{group}").status == 404
    assert management.ask("PUT", f"groups/{group}/members/demo-stranger").status == 404


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "a/b"}, {"name": "x" * 128}, {"name": ["x"]}])
def test_a_bad_name_is_a_400(management, body):
    assert management.ask("POST", "groups", body).status == 400


@pytest.mark.parametrize("who", [{}, {"group": "x", "application": "demo-stranger"}])
def test_a_role_has_one_holder(management, vault, who):
    answer = management.ask("POST", f"vaults/{vault[0]}/role-assignments", {**who, "role": "key-vault-reader"})
    assert answer.status == 400
