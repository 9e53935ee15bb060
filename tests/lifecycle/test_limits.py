"""Throttling, parallel rotations, and the odd ways in which a request may be written."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets import SecretClient

from tests.support.management import vault_name

pytestmark = pytest.mark.stack


def limited(management, **limits):
    url = management.vault()
    name = vault_name(url)
    limits = {limit.replace("_", "-"): count for limit, count in limits.items()}
    assert management.ask("PATCH", f"vaults/{name}", {"limits": limits}).status == 200
    import time

    time.sleep(1)  # what a process remembers of a vault is at most a second old
    return url


def test_a_vault_that_is_asked_too_often_says_when_to_come_back(management, credential):
    url = limited(management, secret_create=3)
    with SecretClient(url, credential, retry_total=0) as secrets:
        for number in range(3):
            secrets.set_secret(f"s{number}", "v")
        with pytest.raises(HttpResponseError) as refused:
            secrets.set_secret("s4", "v")
    assert refused.value.status_code == 429
    assert refused.value.error.code == "Throttled"
    assert 1 <= int(refused.value.response.headers["Retry-After"]) <= 10
    with SecretClient(url, credential) as patient:  # the SDK waits as long as Retry-After says
        assert patient.set_secret("s4", "v").value == "v"


def test_each_kind_of_act_is_counted_apart(management, credential, keys_of):
    url = limited(management, hsm_key_create=1, hsm_rsa_2048=2)
    keys = keys_of(url)
    key = keys.create_ec_key("hsm", hardware_protected=True)
    keys.create_ec_key("soft")
    from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm

    client = CryptographyClient(key.id, credential, retry_total=0)
    for _ in range(2):
        client.sign(SignatureAlgorithm.es256, bytes(32))
    with pytest.raises(HttpResponseError) as refused:
        client.sign(SignatureAlgorithm.es256, bytes(32))
    assert refused.value.status_code == 429
    assert management.ask("PATCH", f"vaults/{url.split('//')[1].split('.')[0]}", {"limits": {"x": 1}}).status == 400


def test_a_hundred_parallel_rotations_leave_one_current_version_at_each_moment(management, keys_of, owner):
    url = management.vault()
    keys = keys_of(url)
    keys.create_ec_key("key", hardware_protected=True)
    stop = False
    seen = []

    def watch():
        while not stop:
            seen.append(
                owner.execute(
                    "SELECT count(*) FROM keys_key k JOIN keys_keyversion v ON v.id = k.current_id WHERE v.state ="
                    " 'ready' AND k.vault_id = (SELECT id FROM vaults_vault WHERE name = %s)",
                    [vault_name(url)],
                ).fetchone()[0]
            )

    with ThreadPoolExecutor(1) as watcher, ThreadPoolExecutor(16) as pool:
        watching = watcher.submit(watch)
        made = list(pool.map(lambda _: keys.rotate_key("key").properties.version, range(100)))
        stop = True
        watching.result()
    assert len(set(made)) == 100
    assert set(seen) == {1}
    versions = {version.version for version in keys.list_properties_of_key_versions("key")}
    assert len(versions) == 101
    assert versions.issuperset(made)
    newest = max(keys.list_properties_of_key_versions("key"), key=lambda version: version.created_on)
    assert keys.get_key("key").properties.created_on == newest.created_on


@pytest.fixture
def ask(stack):
    http, token = stack.http(), stack.token()

    def request(method, path, body=None, *, query="api-version=7.4", **headers):
        return http.request(
            method,
            f"{stack.vault_url}{path}?{query}",
            body=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers},
        )

    return request


def test_a_post_may_name_another_method(ask, name):
    over = "X-HTTP-METHOD"
    assert ask("POST", f"/secrets/{name}", {"value": "v"}, **{over: "PUT"}).json()["value"] == "v"
    assert ask("POST", f"/secrets/{name}", **{over: "GET"}).json()["value"] == "v"
    assert ask("POST", f"/secrets/{name}", {"tags": {"a": "b"}}, **{over: "patch"}).json()["tags"] == {"a": "b"}
    assert ask("POST", f"/secrets/{name}", **{over: "DELETE"}).json()["recoveryId"]
    assert ask("GET", f"/deletedsecrets/{name}", **{over: "DELETE"}).status == 200  # only a POST is overridden
    assert ask("POST", f"/deletedsecrets/{name}", **{over: "DELETE"}).status == 204
    assert ask("POST", f"/secrets/{name}", **{over: "TRACE"}).status == 405


def test_slashes_and_percent_signs(ask, name):
    made = ask("POST", f"/keys/{name}/create/", {"kty": "EC"}).json()
    version = made["key"]["kid"].rsplit("/", 1)[1]
    for path in (f"/keys/{name}", f"/keys/{name}/", f"/keys/{name}/{version}", f"/keys/{name}/{version}/"):
        assert ask("GET", path, query="api%2Dversion=7.4").json()["key"]["kid"] == made["key"]["kid"]
    body = {"alg": "ES256", "value": "A" * 43}
    for path in (f"/keys/{name}//sign", f"/keys/{name}/sign", f"/keys/{name}/{version}/sign/"):
        assert ask("POST", path, body).json()["kid"] == made["key"]["kid"]
    assert ask("PATCH", f"/keys/{name}/", {"tags": {"a": "b"}}).status == 200
    assert ask("DELETE", f"/keys/{name}/").status == 200
