"""Role definitions, role assignments and access policies, as Azure's tools write and read them."""

import time
import uuid

import pytest

from apps.domain.access.grants import Scope, is_permitted
from apps.domain.access.permissions import Permission
from apps.domain.catalog.role_targets import describe_assignments, describe_roles
from apps.domain.keys.kind import KEYS
from apps.domain.vaults.models import Vault
from tests.resource_manager.conftest import code_of
from tests.support import actors

pytestmark = pytest.mark.django_db
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"


@pytest.fixture
def definitions(subscription):
    return f"{subscription}/providers/Microsoft.Authorization/roleDefinitions"


def at(scope, name=""):
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments" + (f"/{name}" if name else "")


def body(definitions, principal, role=SECRETS_USER):
    return {"properties": {"roleDefinitionId": f"{definitions}/{role}", "principalId": str(principal.id)}}


def allowed(principal, vault, permission=Permission.SECRETS_GET):
    return is_permitted(principal, permission, Scope.of(vault))


def test_roles_have_azures_names_and_ids(arm, definitions, place):
    rows = arm.ask("GET", f"{definitions}?$filter=roleName eq 'Key Vault Secrets User'").json()["value"]
    assert [row["name"] for row in rows] == [SECRETS_USER]
    (permissions,) = rows[0]["properties"]["permissions"]
    assert permissions["dataActions"] == ["Microsoft.KeyVault/vaults/secrets/getSecret/action"]
    assert arm.ask("GET", rows[0]["id"]).json() == rows[0]
    assert len(arm.ask("GET", f"{place}/providers/Microsoft.Authorization/roleDefinitions").json()["value"]) == 12
    assert code_of(arm.ask("GET", f"{definitions}/{uuid.uuid4()}")) == "RoleDefinitionDoesNotExist"


def test_a_role_is_assigned_read_and_revoked_by_the_id_of_its_client(arm, definitions, place, people, vault):
    name = str(uuid.uuid4())
    assert not allowed(people.stranger, vault)
    made = arm.ask("PUT", at(place, name), body(definitions, people.stranger))
    assert made.status_code == 201, made.content
    assert made.json()["properties"] == {
        "scope": place,
        "roleDefinitionId": f"{definitions}/{SECRETS_USER}",
        "principalId": str(people.stranger.id),
        "principalType": "ServicePrincipal",
    }
    assert allowed(people.stranger, vault)
    assert arm.ask("PUT", at(place, name), body(definitions, people.stranger)).status_code == 200
    assert arm.ask("GET", made.json()["id"]).json() == made.json()
    again = arm.ask("PUT", at(place, str(uuid.uuid4())), body(definitions, people.stranger))
    assert (again.status_code, code_of(again)) == (409, "RoleAssignmentExists")
    other = arm.ask("PUT", at(place, name), body(definitions, people.app))
    assert (other.status_code, code_of(other)) == (409, "RoleAssignmentUpdateNotPermitted")
    assert arm.ask("DELETE", at(place, name)).status_code == 200
    assert arm.ask("DELETE", at(place, name)).status_code == 204
    assert not allowed(people.stranger, vault)


def test_lists_show_every_assignment_once_and_filter_by_principal(arm, place, subscription, people, manager, vault):
    key = actors.make_key(vault, "master")
    actors.give(people.stranger, "key-vault-crypto-user", vault, object_type="key", object_id=key.pk)
    actors.make_vault(vault.world, "other")
    rows = {row["properties"]["principalId"]: row for row in arm.ask("GET", at(subscription)).json()["value"]}
    assert set(rows) == {str(one.id) for one in (people.app, people.stranger, manager)}
    assert rows[str(people.stranger.id)]["properties"]["scope"] == f"{place}/keys/master"
    assert rows[str(manager.id)]["properties"]["scope"] == subscription
    for text in (f"principalId eq '{people.app.id}'", f"assignedTo('{people.app.id}')"):
        (row,) = arm.ask("GET", f"{at(place)}?$filter=atScope() and {text}").json()["value"]
        assert row["properties"]["principalId"] == str(people.app.id)
        assert arm.ask("GET", row["id"]).json() == row  # one that the portal made has an id too
    (row,) = arm.ask("GET", f"{at(place)}?$filter= {text}  AND atScopeAndBelow() ").json()["value"]
    assert row["properties"]["principalId"] == str(people.app.id)
    assert code_of(arm.ask("GET", f"{at(place)}?$filter=name eq 'x'")) == "NotSupported"


def test_a_long_filter_costs_no_time(arm, place):
    began = time.process_time()
    assert code_of(arm.ask("GET", f"{at(place)}?$filter=x{'+' * 60_000}x")) == "NotSupported"
    assert time.process_time() - began < 1


def test_a_role_at_one_object(arm, definitions, place, people, vault):
    actors.make_key(vault, "master")
    crypto_user = "12338af0-0e69-4776-bea7-57ae8d297424"
    made = arm.ask(
        "PUT", at(f"{place}/keys/master", str(uuid.uuid4())), body(definitions, people.stranger, crypto_user)
    )
    assert made.json()["properties"]["scope"] == f"{place}/keys/master"
    scope = Scope.of(vault, "key", "master", KEYS.find_id(vault.pk, "master"))
    assert is_permitted(people.stranger, Permission.KEYS_SIGN, scope)
    assert not allowed(people.stranger, vault, Permission.KEYS_SIGN)


def test_what_is_not_assigned(arm, definitions, place, subscription, people, manager, as_principal, vault):
    name = str(uuid.uuid4())
    for path, content, status, code in (
        (at(subscription, name), body(definitions, people.stranger), 404, "ResourceNotFound"),
        (at(f"{place}x", name), body(definitions, people.stranger), 404, "ResourceNotFound"),
        (at(place, name), body(definitions, people.stranger, str(uuid.uuid4())), 404, "RoleDefinitionDoesNotExist"),
        (
            at(place, name),
            {"properties": {"roleDefinitionId": "x", "principalId": "y", "z": 1}},
            400,
            "InvalidRequestContent",
        ),
        (at(place, "x"), body(definitions, people.stranger), 400, "InvalidRequestContent"),
        (at(place, name), body(definitions, manager), 403, "SelfGrant"),
    ):
        answer = arm.ask("PUT", path, content)
        assert (answer.status_code, code_of(answer)) == (status, code), path
    nobody = {"properties": {"roleDefinitionId": f"{definitions}/{SECRETS_USER}", "principalId": str(uuid.uuid4())}}
    assert code_of(arm.ask("PUT", at(place, name), nobody)) == "PrincipalNotFound"
    assert as_principal(people.app).ask("PUT", at(place, name), body(definitions, people.stranger)).status_code == 403
    assert as_principal(people.app).ask("GET", at(place)).json() == {"value": []}
    Vault.objects.filter(pk=vault.pk).update(production=True)
    waiting = arm.ask("PUT", at(place, name), body(definitions, people.stranger))
    assert (waiting.status_code, code_of(waiting)) == (202, "ApprovalRequired")
    assert not allowed(people.stranger, vault)


def policy(principal, **permissions):
    return {"tenantId": str(actors.TENANT), "objectId": str(principal.id), "permissions": permissions}


def test_a_policy_allows_exactly_what_it_says(arm, place, people, vault):
    rows = [policy(people.stranger, keys=["get", "WrapKey"], secrets=["Get", "list"], certificates=[], storage=[])]
    answer = arm.ask("PUT", place, {"location": "europe", "properties": {"accessPolicies": rows}})
    assert answer.status_code == 200, answer.content
    assert answer.json()["properties"]["enableRbacAuthorization"] is False
    (read,) = answer.json()["properties"]["accessPolicies"]
    assert read == policy(
        people.stranger, keys=["get", "wrapKey"], secrets=["get", "list"], certificates=[], storage=[]
    )
    held = {permission for permission in Permission if allowed(people.stranger, vault, permission)}
    named = {Permission.KEYS_GET, Permission.KEYS_WRAP, Permission.SECRETS_GET, Permission.SECRETS_LIST}
    assert held == {*named, Permission.EVENTS_READ}  # events of what it may read
    rows = [row for row in describe_assignments(vault) if row["application"] == "stranger"]
    assert [row["role_name"] for row in rows] == ["Access policy: keys get, wrapkey; secrets get, list"]
    assert [row["role"] for row in describe_roles(principal_id=people.stranger.id)] == ["access-policy"]
    cleared = arm.ask("PATCH", place, {"properties": {"accessPolicies": []}})
    assert cleared.json()["properties"]["accessPolicies"] == []
    assert not any(allowed(people.stranger, vault, permission) for permission in Permission)
    assert allowed(people.app, vault)  # its role is no policy


def test_policies_are_added_to_replaced_and_reduced(arm, place, people, vault):
    def change(kind, **permissions):
        rows = {"properties": {"accessPolicies": [policy(people.stranger, **permissions)]}}
        answer = arm.ask("PUT", f"{place}/accessPolicies/{kind}", rows)
        assert answer.status_code == 200, answer.content
        return [row["permissions"]["secrets"] for row in answer.json()["properties"]["accessPolicies"]]

    assert code_of(arm.ask("PUT", f"{place}/accessPolicies/add", {"properties": {"accessPolicies": [policy(people.stranger, secrets=["get"])]}})) == "InvalidRequestContent"  # fmt: skip
    arm.ask("PATCH", place, {"properties": {"enableRbacAuthorization": False}})
    assert change("add", secrets=["get"]) == [["get"]]
    assert change("add", secrets=["list"]) == [["get", "list"]]
    assert change("remove", secrets=["get"]) == [["list"]]
    assert len(change("replace", secrets=["all"])[0]) == 8
    assert allowed(people.stranger, vault, Permission.SECRETS_UPDATE)  # who sets a secret changes its attributes
    assert change("replace", secrets=[]) == []
    assert not allowed(people.stranger, vault)


def test_a_policy_of_a_production_vault_waits_once_for_all_its_permissions(arm, place, people, vault):
    arm.ask("PATCH", place, {"properties": {"enableRbacAuthorization": False}})
    Vault.objects.filter(pk=vault.pk).update(production=True)
    rows = {"properties": {"accessPolicies": [policy(people.stranger, keys=["all"], secrets=["all"])]}}
    for _ in range(2):
        waiting = arm.ask("PUT", f"{place}/accessPolicies/add", rows)
        assert (waiting.status_code, code_of(waiting)) == (202, "ApprovalRequired")
    from apps.domain.approvals.models import ApprovalRequest

    (request,) = ApprovalRequest.objects.all()
    assert request.change["gets"][0].startswith("keys backup, create")


@pytest.mark.parametrize(
    "change",
    [{"tenantId": str(uuid.uuid4())}, {"objectId": "x"}, {"applicationId": str(uuid.uuid4())}, {"permissions": {"keys": ["fly"]}}, {"permissions": {"storage": ["all"]}}],
    ids=str,
)  # fmt: skip
def test_a_policy_that_cannot_be_is_refused(arm, place, people, change):
    row = policy(people.stranger, secrets=["get"]) | change
    assert arm.ask("PUT", place, {"location": "europe", "properties": {"accessPolicies": [row]}}).status_code == 400


def test_roles_instead_of_policies_end_the_policies(arm, place, people, vault):
    rows = [policy(people.stranger, secrets=["get"])]
    arm.ask("PUT", place, {"location": "europe", "properties": {"accessPolicies": rows}})
    assert allowed(people.stranger, vault)
    both = {"properties": {"accessPolicies": rows, "enableRbacAuthorization": True}}
    assert code_of(arm.ask("PATCH", place, both)) == "InvalidRequestContent"
    assert arm.ask("PATCH", place, {"properties": {"enableRbacAuthorization": True}}).status_code == 200
    assert not allowed(people.stranger, vault)
