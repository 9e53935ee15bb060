"""What auditors' programs ask: finding, paging, exporting, and proofs that hold elsewhere."""

import json
import os
import re
import uuid
from pathlib import Path

import pytest
from azure.keyvault.secrets import SecretClient
from django.urls import get_resolver

from apps.audit_log.auditverify import Verifier, check_inclusion, leaf_hash, open_note
from tests.support.audit_api import AUDIT, Api
from tests.support.counts import wait_numbered

pytestmark = pytest.mark.stack
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def api(stack):
    return Api(stack)


@pytest.fixture(scope="module")
def name():
    return f"q{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def used(stack, name):
    """A secret that was set once and read five times, by one that may and by one that may not."""
    client = stack.sdk(SecretClient)
    client.set_secret(name, "not-in-any-record")
    for _ in range(5):
        client.get_secret(name)
    stranger = {"Authorization": f"Bearer {stack.token(stranger=True)}"}
    stack.http().request("GET", f"{stack.vault_url}/secrets/{name}?api-version=7.6", headers=stranger)
    wait_numbered()
    return f"secrets/{name}"


def records(api, **fields):
    answer = api.ask("records", **fields)
    assert answer.status == 200, answer.data
    return answer.json()["records"]


def test_each_filter_finds_what_it_names_and_nothing_else(api, used, stack):
    assert len(records(api, object=used)) == 7
    assert len(records(api, object=used, operation="SecretGet")) == 6
    assert len(records(api, object=used, status="refused")) == 1
    assert len(records(api, object=used, status="403")) == 1
    assert len(records(api, object=used, caller=stack.client_id)) == 6
    assert records(api, object=used, vault="demo-america") == []
    assert records(api, object=used, to="2020-01-01") == []
    one = records(api, object=used, operation="SecretSet")[0]
    request = one["properties"]["requestId"]
    together = records(api, request_id=request)
    assert [row["recordId"] for row in together] == [one["recordId"]]
    assert len(records(api, object=used, address=one["callerIpAddress"])) >= 6
    assert len(records(api, object=used, from_=one["recorded"])) >= 6


def test_pages_follow_one_another_without_gap_or_double(api, used):
    whole = [row["recordId"] for row in records(api, object=used)]
    found, answer = [], api.ask("records", object=used, limit="3").json()
    while True:
        found += [row["recordId"] for row in answer["records"]]
        if answer["next"] is None:
            break
        assert answer["next"].startswith(f"{AUDIT}/api/v1/audit/records?")
        answer = api.ask("", base=answer["next"]).json()
    assert found == whole
    assert found == sorted(found, reverse=True)


def test_no_value_of_a_secret_is_in_any_record(api, used):
    answer = api.ask("export", vault="demo-europe")
    assert b"not-in-any-record" not in answer.data
    assert used.encode() in answer.data


def test_the_export_has_one_record_a_line(api, used):
    answer = api.ask("export", object=used)
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.data.splitlines()]
    assert [line["recordId"] for line in lines] == [row["recordId"] for row in records(api, object=used)]


def test_a_proof_leads_to_a_root_that_the_audit_token_signed(api, used):
    one = records(api, object=used, operation="SecretSet")[0]
    proof = api.ask("proof", record=one["recordId"]).json()
    assert (proof["problem"], proof["seq"]) == ("", one["seq"])
    verifier = Verifier.parse(api.ask("vkey").data.decode().splitlines()[0])
    checkpoint = open_note(proof["checkpoint"], [verifier])
    path = [bytes.fromhex(node) for node in proof["proof"]]
    assert not check_inclusion(leaf_hash(b"another"), proof["seq"], checkpoint.size, path, checkpoint.root)
    result = {log["vault"]: log for log in api.ask("logs").json()}["demo-europe"]
    assert result["genuine"]
    assert result["size"] >= checkpoint.size
    sizes = [row["size"] for row in api.ask("checkpoints", vault="demo-europe", limit="500").json()]
    assert checkpoint.size in sizes
    assert sizes == sorted(sizes, reverse=True)


def test_the_verifier_comes_as_it_is(api):
    assert api.ask("verifier").data == (ROOT / "apps" / "audit_log" / "auditverify.py").read_bytes()
    answer = api.ask("pack-verifier")
    assert answer.data == (ROOT / "apps" / "audit_reader" / "packverify.py").read_bytes()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="packverify.py"'


def test_reading_is_recorded_before_it_is_answered(api):
    marker = uuid.uuid4().hex
    records(api, caller=marker)
    mine = records(api, caller=os.environ["PORTAL_USER_AUDITOR"], operation="LogRead", limit="5")
    assert any(row["properties"].get("criteria", {}).get("caller") == marker for row in mine)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("records", {"status": "often"}),
        ("records", {"from_": "yesterday"}),
        ("records", {"request_id": "x"}),
        ("records", {"limit": "501"}),
        ("records", {"limit": "-1"}),
        ("records", {"limit": "000000500999999999999"}),
        ("records", {"limit": "9" * 5000}),
        ("records", {"to": "0001-01-01T00:00:00Z"}),
        ("records", {"to": "9999-12-31T23:59:59Z"}),
        ("checkpoints", {"vault": "-", "below": "9" * 19}),
        ("records", {"before": "x"}),
        ("records", {"from_": "2026-11-02", "to": "2026-11-01"}),
        ("records", {"caller": "x" * 301}),
        ("checkpoints", {}),
        ("checkpoints", {"vault": "-", "below": "x"}),
        ("proof", {}),
        ("proof", {"record": "x"}),
    ],
)
def test_what_cannot_be_understood_is_400_and_says_what(api, path, fields):
    answer = api.ask(path, **fields)
    assert answer.status == 400
    assert answer.json()["error"]["message"]


def test_what_is_not_there_is_404(api):
    assert api.ask("records", vault="no-such-vault").status == 404
    assert api.ask("proof", record=str(uuid.uuid4())).status == 404
    assert api.ask(f"records/{uuid.uuid4()}").status == 404


ADDRESSES = [
    re.sub("<uuid:[a-z_]+>", str(uuid.UUID(int=0)), str(pattern.pattern))
    for pattern in get_resolver("apps.interfaces.management_api.audit_urls").url_patterns
]


@pytest.mark.parametrize("path", [path for path in ADDRESSES if path not in ("health", "api/v1/audit/schema")])
@pytest.mark.parametrize("role", ["SECOPS", "DEVELOPER"])
def test_for_another_duty_there_is_nothing(stack, path, role):
    assert Api(stack, role).ask(path, base=f"{AUDIT}/").status == 404


@pytest.mark.parametrize("path", [path for path in ADDRESSES if path not in ("health", "api/v1/audit/schema")])
def test_nobody_is_asked_who_they_are(stack, path):
    assert stack.http().request("GET", f"{AUDIT}/{path}").status == 401


LONG_WORK = {
    ("POST", "api/v1/audit/packs"): 400,
    ("POST", "api/v1/audit/rollover-certificates"): 400,
    ("DELETE", f"api/v1/audit/packs/{uuid.UUID(int=0)}"): 404,
}


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_here_can_be_written_but_long_work_asked_for(api, path, method):
    if path != "health":
        status = api.ask(path, base=f"{AUDIT}/", method=method).status
        assert status == LONG_WORK[method, path] if (method, path) in LONG_WORK else status in {403, 405}


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("role", ["SECOPS", "DEVELOPER"])
def test_nobody_else_has_packs_made(stack, role, method):
    assert Api(stack, role).ask("packs", method=method).status == 404


def test_the_openapi_document_describes_every_address(stack):
    text = stack.http().request("GET", f"{AUDIT}/api/v1/audit/schema").data.decode()
    for path in ("records", "export", "logs", "checkpoints", "proof", "vkey", "verifier", "pack-verifier", "packs"):
        assert f"/api/v1/audit/{path}:" in text
