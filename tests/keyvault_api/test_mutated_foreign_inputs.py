"""Mutated certificates, containers, keys, names and tokens at the API: no 5xx, and no request costs 2 s of a core.

MUTATED_UPLOADS says how many (80 in the suite). `tests/fuzz` sends many more, inside one
process.
"""

import base64
import collections
import json
import os
import random
import uuid
from pathlib import Path

import psutil
import pytest

from tests.support import mutated_inputs
from tests.support.foreign import PASSWORD

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3600)]

SEED, COUNT, MOST_CPU = 20261130, int(os.environ.get("MUTATED_UPLOADS", "80")), 2.0
NAME = "mutated"


@pytest.fixture(scope="module")
def web():
    status = json.loads((Path(os.environ["TEST_STATE_DIR"]) / "status.json").read_text())
    return psutil.Process(status["processes"]["web"]["pid"])


def cpu_of(web):
    """Seconds of the processor that the web process has used, with its workers and the parsers that they started."""
    total = 0.0
    for process in (web, *web.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def body_of(kind, data, rng):
    """(method, path, body) of a request that brings the input."""
    text, coded = data.decode("utf-8", "replace"), base64.b64encode(data).decode()
    if kind in ("pfx", "pem", "certificate", "key"):
        body = {"value": coded if rng.random() < 0.8 else text, "preserveCertOrder": rng.random() < 0.5}
        return "POST", f"/certificates/{NAME}/import", body | ({"pwd": PASSWORD} if rng.random() < 0.7 else {})
    if kind == "x5c":
        return "POST", f"/certificates/{NAME}-pending/pending/merge", {"x5c": [coded]}
    if kind == "name":
        policy = {"x509_props": {"subject": text}, "issuer": {"name": "Unknown"}}
        return "PATCH", f"/certificates/{NAME}-pending/policy", policy
    try:
        key = json.loads(data)
    except ValueError:
        key = {"kty": "RSA", "n": coded}
    return "PUT", f"/keys/{NAME}-key", {"key": key}


def test_mutated_inputs_are_refused_by_the_running_system(stack, web):
    rng, kinds, http, statuses = random.Random(SEED), mutated_inputs.seeds(), stack.http(), collections.Counter()
    everything = [data for inputs in kinds.values() for data in inputs]
    headers = {"Authorization": f"Bearer {stack.token()}", "Content-Type": "application/json"}

    def send(method, path, body):
        data = json.dumps(body).encode()
        return http.request(method, f"{stack.vault_url}{path}?api-version=7.6", body=data, headers=headers)

    started = {"policy": {"x509_props": {"subject": "CN=x"}, "key_props": {"kty": "EC"}, "issuer": {"name": "Unknown"}}}
    assert send("POST", f"/certificates/{NAME}-pending/create", started).status == 202
    for _ in range(COUNT):
        kind = rng.choice([kind for kind in kinds if kind not in ("token", "jwks")])
        data = mutated_inputs.spoiled(rng, rng.choice(kinds[kind]), everything)
        method, path, body = body_of(kind, data, rng)
        before = cpu_of(web)
        answer = send(method, path, body)
        assert answer.status < 500, (path, body, answer.data)
        assert cpu_of(web) - before < MOST_CPU, (path, body)
        statuses[answer.status] += 1
    assert statuses[400] > COUNT // 4
    assert statuses[200] + statuses[201] > 0


def test_mutated_tokens_are_refused_by_the_running_system(stack, web, management):
    """For applications of its own: failures are counted, and the demo's would be refused for a minute."""
    made = [management.ask("POST", "applications", {"name": f"fuzzed-{uuid.uuid4()}"}).json() for _ in range(2)]
    rng, kinds, http = random.Random(SEED), mutated_inputs.seeds(), stack.http()
    address = f"{stack.authority}/{stack.tenant}/oauth2/v2.0/token"
    for number in range(max(COUNT // 4, 15)):
        token = mutated_inputs.spoiled(rng, rng.choice(kinds["token"]), kinds["token"]).decode("utf-8", "replace")
        fields = {
            "client_id": made[number % 2]["client_id"],
            "client_assertion": token,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "grant_type": "client_credentials",
            "scope": f"https://{stack.vault_url.partition('.')[2]}/.default",
        }
        before = cpu_of(web)
        answer = http.request("POST", address, fields=fields, encode_multipart=False)
        assert answer.status in (400, 401, 429), (token, answer.data)
        assert answer.json()["error_description"].startswith("AADSTS")
        assert cpu_of(web) - before < MOST_CPU, token
