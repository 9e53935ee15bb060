"""Staged rollovers on the running system: real calls, the decision of the HSM worker, and kill -9."""

import json
import os
import signal

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm

from apps.audit_log import auditverify
from apps.audit_log.sealing import tag_of
from tests.support import records
from tests.support.audit_api import Api
from tests.support.management import vault_name
from tests.support.processes import pid_of
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

PLAN = {"kind": "staged", "reason": "a test", "quiet_days": 0}


class Rolled:
    """A vault's keys as its application uses them."""

    def __init__(self, management, credential, keys_of):
        self.management, self.credential = management, credential
        url = management.vault()
        self.vault, self.keys = vault_name(url), keys_of(url)

    def create(self, name):
        return self.keys.create_ec_key(name)

    def sign(self, key):
        """The word ok, or the inner code of the denial."""
        try:
            CryptographyClient(key.id, self.credential).sign(SignatureAlgorithm.es256, bytes(32))
        except HttpResponseError as error:
            return error.error.innererror["code"]
        return "ok"

    def ask(self, method, path, body=None, *, status=200):
        answer = self.management.ask(method, path, body)
        assert answer.status == status, answer.data
        return answer.json()

    def begin(self, **plan):
        return self.ask("POST", f"vaults/{self.vault}/rollovers", {**PLAN, **plan}, status=201)["id"]

    def stages(self, rollover):
        return [row["state"] for row in self.ask("GET", f"rollovers/{rollover}/keys")]

    def wait_for(self, rollover, stage, *, seconds=40):
        wait_until(lambda: set(self.stages(rollover)) == {stage}, f"the stage {stage}", seconds=seconds, pause=0.2)


@pytest.fixture(scope="module")
def rolled(management, credential):
    from azure.keyvault.keys import KeyClient

    return Rolled(management, credential, lambda url: KeyClient(url, credential))


def test_calls_succeed_until_the_old_version_is_retired(rolled):
    old = rolled.create("master")
    assert rolled.sign(old) == "ok"
    rollover = rolled.begin(key="master")
    rolled.wait_for(rollover, "moved")
    new = rolled.keys.get_key("master")
    assert new.properties.version != old.properties.version
    rolled.ask("POST", f"rollovers/{rollover}/rehearsal", {"hours": 1})
    wait_until(lambda: rolled.sign(old) == "ok" and marked("master"), "a use that would fail", pause=0.3)
    assert rolled.sign(new) == "ok"
    (line,) = wait_until(lambda: failing(rolled, rollover), "the report of the rehearsal", pause=0.3)
    assert line["calls"] >= 1
    refused = rolled.ask("POST", f"rollovers/{rollover}/brown-out", {"percent": 1}, status=409)
    assert "rehearsal that is over and clean" in refused["error"]["message"]
    rolled.ask("POST", f"rollovers/{rollover}/retire", {}, status=409)  # it is still rehearsed
    rolled.ask("POST", f"rollovers/{rollover}/rehearsal", {"hours": 0})
    rolled.ask("POST", f"rollovers/{rollover}/retire", {})
    rolled.wait_for(rollover, "retired")
    wait_until(lambda: rolled.sign(old) == "KeyDisabled", "the end of the old version", pause=0.2)
    assert rolled.sign(new) == "ok"
    grid = rolled.ask("GET", f"vaults/{rolled.vault}/keys/master/consumers")
    assert (grid["stage"], grid["behind"]) == ("retired", 0)
    assert [row["application"] for row in grid["consumers"]] == ["demo-application"]


@pytest.fixture(scope="module")
def auditors(stack):
    return Api(stack)


@pytest.fixture(scope="module")
def acknowledge(stack):
    """Acknowledges a version as the application; its uses count within seconds."""
    http, headers = stack.http(), {"Authorization": f"Bearer {stack.token()}"}

    def call(key):
        address = f"{key.id}/acknowledge?api-version=2026-04-01"
        wait_until(
            lambda: http.request("POST", address, headers=headers).status == 200, "the count of the use", pause=0.3
        )

    return call


def certificate(auditors, rollover, key):
    """The finished task of a certificate."""
    asked = auditors.send("rollover-certificates", {"rollover": rollover, "key": key})
    assert asked.status == 201, asked.data
    address = f"rollover-certificates/{asked.json()['id']}"

    def ended():
        found = auditors.ask(address).json()
        return found if found["state"] in {"done", "failed"} else None

    return wait_until(ended, "the certificate", pause=0.2)


def successful_certificate(auditors, rollover, key):
    """The certificate of a retirement that just happened: its record may not be numbered at the first request."""

    def issued():
        done = certificate(auditors, rollover, key)
        return done if done["state"] == "done" else None

    return wait_until(issued, "a certificate of what is in the log", pause=0.5)


def verified(document, vkey):
    """The problems that the verifier finds."""
    return list(auditverify.check_certificate(document, [auditverify.Verifier.parse(vkey)]))


def test_a_certificate_says_that_every_consumer_moved(rolled, acknowledge, auditors, tmp_path, capsys):
    old = rolled.create("certified")
    assert rolled.sign(old) == "ok"
    rollover = rolled.begin(key="certified")
    rolled.wait_for(rollover, "moved")
    asked = auditors.send("rollover-certificates", {"rollover": rollover, "key": "certified"})
    assert asked.status == 409  # not retired yet
    acknowledge(rolled.keys.get_key("certified"))
    rolled.ask("POST", f"rollovers/{rollover}/retire", {})
    rolled.wait_for(rollover, "retired")
    done = successful_certificate(auditors, rollover, "certified")
    assert done["state"] == "done", done
    document, vkey = {name: done[name] for name in ("certificate", "signature")}, auditors.ask("vkey").data.decode()
    assert verified(document, vkey.strip()) == []
    stated = json.loads(document["certificate"])
    assert [(row["caller"], row["uses"]) for row in stated["consumers"]] == [(os.environ["AZURE_CLIENT_ID"], 1)]
    file = tmp_path / "certificate.json"
    file.write_text(json.dumps(document))
    assert auditverify.main(["rollover", str(file), "--vkey", vkey.strip()]) == 0
    assert "every one of the 1 consumers" in capsys.readouterr().out


def test_an_altered_certificate_is_found(rolled, acknowledge, auditors):
    old = rolled.create("altered")
    assert rolled.sign(old) == "ok"
    rollover = rolled.begin(key="altered")
    rolled.wait_for(rollover, "moved")
    acknowledge(rolled.keys.get_key("altered"))
    rolled.ask("POST", f"rollovers/{rollover}/retire", {})
    rolled.wait_for(rollover, "retired")
    done, vkey = successful_certificate(auditors, rollover, "altered"), auditors.ask("vkey").data.decode().strip()
    stated = json.loads(done["certificate"])
    without = auditverify.canonical({**stated, "consumers": []}).decode()
    with pytest.raises(auditverify.BadNote):
        verified({"certificate": without, "signature": done["signature"]}, vkey)


def test_a_missing_consumer_has_no_certificate(rolled, auditors, owner):
    """It is counted, and the log has no record of it."""
    rolled.create("uncertain")
    rollover = rolled.begin(key="uncertain", automatic=True)
    rolled.wait_for(rollover, "retired")
    (turn,) = rolled.ask("GET", f"rollovers/{rollover}/keys")
    owner.execute(
        "INSERT INTO usage_usecount (id, caller_id, caller, vault_id, object_id, operation, done, refused, first, last)"
        " SELECT gen_random_uuid(), gen_random_uuid(), 'missing', id, %s, 'KeySign', 1, 0, now(), now()"
        " FROM vaults_vault WHERE name = %s",
        [f"keys/uncertain/{turn['old_version']}", rolled.vault],
    )
    failed = certificate(auditors, rollover, "uncertain")
    assert failed["state"] == "failed"
    assert "The log has no use by missing" in failed["doing"]


def marked(name):
    """Whether a record of a signature has the mark."""
    found = records.running("operation = 'KeySign' AND object = %s", [tag_of("object", f"keys/{name}")])
    return any(record["properties"].get("wouldFail") for record in found)


def failing(rolled, rollover):
    (rehearsal,) = rolled.ask("GET", f"rollovers/{rollover}/rehearsal")
    return rehearsal["would_fail"]


def test_a_brown_out_refuses_some_calls_with_the_old_version(rolled):
    old = rolled.create("brown")
    rollover = rolled.begin(key="brown")
    rolled.wait_for(rollover, "moved")
    rolled.ask("POST", f"rollovers/{rollover}/rehearsal", {"hours": 1})
    rolled.ask("POST", f"rollovers/{rollover}/rehearsal", {"hours": 0})
    rolled.ask("POST", f"rollovers/{rollover}/brown-out", {"percent": 10})
    results = set()

    def both_seen():
        results.add(rolled.sign(old))
        return results == {"ok", "KeyDisabled"}

    wait_until(both_seen, "a refused call among others", seconds=40, pause=0.01)
    rolled.ask("PATCH", f"rollovers/{rollover}", {"state": "cancelled"})
    rolled.wait_for(rollover, "left")


def test_an_emergency_refuses_the_old_version_within_a_second(rolled):
    old = rolled.create("leaked")
    assert rolled.sign(old) == "ok"
    path = f"vaults/{rolled.vault}/keys/leaked/emergency-rollover"
    rollover = rolled.ask("POST", path, {"reason": "leaked"}, status=201)["id"]
    wait_until(lambda: rolled.sign(old) == "KeyDisabled", "the end of the old version", seconds=2, pause=0.1)
    rolled.wait_for(rollover, "retired")
    assert rolled.sign(rolled.keys.get_key("leaked")) == "ok"


def test_killed_processes_double_nothing_and_lose_nothing(management, credential, rolled):
    other = Rolled(management, credential, lambda url: type(rolled.keys)(url, credential))
    names = [f"key-{number:02}" for number in range(8)]
    for name in names:
        other.create(name)
    rollover = other.begin(automatic=True)
    for process in ("hsm-europe-jobs", "jobs", "scheduler"):
        os.kill(pid_of(process), signal.SIGKILL)
        other.stages(rollover)
    other.wait_for(rollover, "retired", seconds=90)
    versions = [list(other.keys.list_properties_of_key_versions(name)) for name in names]
    assert {len(found) for found in versions} == {2}
    assert {sum(version.enabled for version in found) for found in versions} == {1}
    retired = [
        record["object_id"]
        for record in records.running("operation = 'RolloverRetire'")
        if record["properties"].get("rollover") == rollover
    ]
    assert sorted(retired) == sorted(set(retired))
    assert len(retired) == len(names)
