"""kill -9 of any one process under load.

No released result without a record, no acknowledged version lost, and service returns without manual action.
"""

import base64
import json
import os

import pytest

from tests.support.load import BACK_WITHIN, Load

pytestmark = pytest.mark.stack

DIGEST = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")


@pytest.fixture(scope="module")
def objects(client):
    """A key and a secret to hammer on."""
    tag = os.urandom(4).hex()
    key = client.ask("create", "POST", f"/keys/fault-{tag}/create", {"kty": "RSA-HSM", "key_size": 2048})
    secret = client.ask("set", "PUT", f"/secrets/fault-{tag}", {"value": "under load"})
    assert (key.status, secret.status) == (200, 200), (key, secret)
    return f"fault-{tag}"


def acts(client, name):
    def sign():
        return client.ask("sign", "POST", f"/keys/{name}/sign", {"alg": "RS256", "value": DIGEST})

    def get():
        return client.ask("get", "GET", f"/secrets/{name}")

    def put():
        return client.ask("set", "PUT", f"/secrets/{name}-written", {"value": os.urandom(8).hex()})

    def look():
        return client.ask("look", "GET", f"/keys/{name}")

    def create():
        return client.ask("create", "POST", f"/keys/{name}-made/create", {"kty": "EC-HSM", "crv": "P-256"})

    return [sign, sign, sign, get, look, put, create]


def processes():
    return [
        "postgres",
        "valkey",
        "hsm-europe-lane-1",
        "hsm-europe-jobs",
        "jobs",
        "scheduler",
        "web",
        "web: one granian worker",
    ]


@pytest.mark.parametrize("name", processes())
def test_kill_9_loses_nothing_and_heals_by_itself(system, client, objects, name):
    with Load(acts(client, objects), threads=7) as load:
        load.wait_good(30)
        killed = system.kill_worker_of("web") if ":" in name else system.kill(name)
        back = load.wait_steady(killed)
    assert back - killed < BACK_WITHIN, "failures long after the kill"
    bad = [answer for answer in load.answers if answer.status not in (0, 200, 503)]
    assert bad == [], "a fault is a broken connection or a 503, never something else"

    answered = {answer.request_id for answer in load.good()}
    missing = answered - system.recorded(answered)
    assert missing == set(), f"{len(missing)} released results without a record"

    made = {json.loads(a.body)["key"]["kid"] for a in load.good() if a.what == "create"}
    for kid in made:
        path = "/" + kid.split("/", 3)[3]
        answer = client.ask_patiently("sign", "POST", f"{path}/sign", {"alg": "ES256", "value": DIGEST})
        assert answer.status == 200, f"an acknowledged version is not usable: {kid}"
    written = {json.loads(a.body)["id"] for a in load.good() if a.what == "set"}
    for identifier in list(written)[:50]:
        assert client.ask_patiently("get", "GET", "/" + identifier.split("/", 3)[3]).status == 200
