"""Requests of Terraform's azurerm for keys, replayed: it joins the vault's address, which ends in a slash, and `/keys`.

Seen from its key resource and the SDK of that (hashicorp/go-azure-sdk, data-plane/keyvault/7-4), built from their
public source and run by hand; Terraform is not run in the tests. What is asserted is what that resource reads.
"""

import json

import pytest

from apps.interfaces.keyvault_api.routes import find_route

pytestmark = pytest.mark.stack


def test_the_life_of_a_key(stack, name):
    http, token = stack.http(), stack.token()

    def send(method, path, body=None, status=200):
        url = f"{stack.vault_url}//{path}?api-version=7.4&client-request-id=a2f4259e-7c96-5c4a-6ca5-90a6466bcd24"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        answer = http.request(method, url, body=json.dumps(body).encode() if body else None, headers=headers)
        assert answer.status == status, (method, path, answer.status, answer.data)
        return answer.json() if answer.data else None

    assert send("GET", f"keys/{name}/", status=404)["error"]["code"] == "KeyNotFound"
    wanted = {"kty": "EC-HSM", "crv": "P-256", "key_ops": ["sign", "verify"], "attributes": {"enabled": True}}
    made = send("POST", f"keys/{name}/create", wanted)
    version = made["key"]["kid"].rpartition("/")[2]
    assert made["key"]["kid"] == f"{stack.vault_url}/keys/{name}/{version}"
    assert send("GET", f"keys/{name}/")["key"] == made["key"]
    assert send("GET", f"keys/{name}/rotationpolicy")["lifetimeActions"]
    changed = send("PATCH", f"keys/{name}/{version}", {"key_ops": ["sign"], "attributes": {"enabled": False}})
    assert (changed["key"]["key_ops"], changed["attributes"]["enabled"]) == (["sign"], False)
    send("DELETE", f"keys/{name}")
    send("DELETE", f"deletedkeys/{name}", status=204)
    assert send("PUT", "keys", status=405)["error"]["code"]  # which the framework answers, not the fast path


def test_one_more_slash_is_taken_at_the_beginning_only():
    for path in ("keys", "keys/a", "keys/a//sign", "keys//restore", "rng", "deletedsecrets/a/recover"):
        (route, parts), (other, same) = find_route(f"//{path}"), find_route(f"/{path}")
        assert (route, parts.groupdict()) == (other, same.groupdict())
    assert find_route("///keys") is None
