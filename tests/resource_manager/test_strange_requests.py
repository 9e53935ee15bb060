"""What no tool sends: each gets an answer below 500, in the shape of the others."""

import json
import random

import pytest

pytestmark = pytest.mark.django_db
STRANGE = ("", "%00", "a%00b", "..", "%2f", "ü", "%ff", "x" * 5000, "1", "-", "'", "$", "00000000-0000-0000-0000-000000000000", "-" * 36)  # fmt: skip
VALUES = (None, True, 0, -1, 1.5, 10**400, "", "\0", "x" * 2000, [], [None], {}, {"a": {}}, [[[[]]]], "\ud800")
ADDRESSES = (
    "{place}",
    "{place}/accessPolicies/{strange}",
    "{place}/providers/Microsoft.Authorization/roleAssignments/{strange}",
    "{place}/keys/{strange}/providers/Microsoft.Authorization/roleAssignments/{strange}",
    "{subscription}/providers/Microsoft.KeyVault/locations/{strange}/deletedVaults/{strange}",
    "{subscription}/providers/Microsoft.KeyVault/locations/europe/deletedVaults/{strange}/purge",
    "{subscription}/providers/Microsoft.KeyVault/locations/europe/operationStatuses/{strange}",
    "{subscription}/providers/Microsoft.Authorization/roleAssignments?$filter={strange}",
    "{subscription}/providers/Microsoft.Authorization/roleDefinitions/{strange}?$filter={strange}",
    "{subscription}/resourceGroups/{strange}",
    "{subscription}/resourceGroups/{strange}/providers/Microsoft.KeyVault/vaults/{strange}",
    "{subscription}/providers/{strange}/register",
    "/subscriptions/{strange}/providers",
)


def check(answer):
    assert answer.status_code < 500, (answer.status_code, answer.content)
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"code", "message"}


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_strange_address_is_answered(arm, place, subscription, address):
    for strange in STRANGE:
        path = address.format(place=place, subscription=subscription, strange=strange)
        for method in ("GET", "PUT", "POST", "DELETE"):
            check(arm.ask(method, path, {}))


def test_a_strange_body_is_answered(arm, place, subscription):
    dice = random.Random(8)
    body = arm.ask("GET", place).json()
    policy = {"tenantId": body["properties"]["tenantId"], "objectId": "x", "permissions": {"keys": ["get"]}}
    body["properties"] |= {"accessPolicies": [policy], "createMode": "default"}
    for value in VALUES:
        check(arm.ask("PATCH", place, content=json.dumps(value).encode()))
        check(arm.ask("PUT", f"{subscription}/resourceGroups/europe", {"location": value, "tags": value}))
        for name in (*body, "invented") if value in (None, 0, "\0", []) else ("properties", "tags"):
            check(arm.ask("PUT", place, {**body, name: value}))
        for name in (*body["properties"], "invented") if value in (None, 0, []) else ("sku", "accessPolicies"):
            check(arm.ask("PUT", place, {"location": "europe", "properties": {**body["properties"], name: value}}))
    whole = json.dumps(body).encode()
    for _ in range(30):
        changed = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        check(arm.ask("PUT", place, content=bytes(changed)))
