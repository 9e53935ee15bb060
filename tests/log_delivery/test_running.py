"""The running system delivers: to each kind of storage, again when asked, and after whatever went wrong meanwhile."""

import gzip
import json
import os
import signal
import time
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.core.test_outgoing import Peer
from tests.support.processes import pid_of
from tests.support.records import running as records
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

CANARY = "canary-credential-5c0ffee5"


def sequence_numbers(tree):
    return [
        json.loads(line)["integrity"]["seq"]
        for file in sorted(tree.glob("*/*/segments/*.ndjson.gz"))
        for line in gzip.decompress(file.read_bytes()).splitlines()
    ]


def written(tree, objects):
    """Objects by their names, as files."""
    for name, data in objects.items():
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tree


def test_into_s3_and_what_arrives_verifies(owned, s3, authority, tmp_path, verified):
    owned.use()
    settings = {"endpoint": s3[0], "bucket": "usage-logs", "prefix": "s3-run", "ca_pem": authority.pem}
    owned.deliver_to("s3", {**settings, "access_key_id": "AKIA", "secret_access_key": CANARY})
    owned.wait_delivered()
    found = s3[1].list_objects_v2(Bucket="usage-logs", Prefix=f"s3-run/{owned.name}/")["Contents"]
    objects = {
        row["Key"].removeprefix("s3-run/"): s3[1].get_object(Bucket="usage-logs", Key=row["Key"])["Body"].read()
        for row in found
    }
    verified(written(tmp_path / "s3", objects))


def test_into_blob_storage_and_what_arrives_verifies(owned, azurite, authority, tmp_path, verified):
    owned.use()
    settings = {"account_url": azurite[0], "container": "usage-logs", "prefix": "blob-run"}
    owned.deliver_to("azure-blob", {**settings, "ca_pem": authority.pem, "account_key": azurite[1]})
    owned.wait_delivered()
    names = [blob.name for blob in azurite[2].list_blobs(name_starts_with=f"blob-run/{owned.name}/")]
    objects = {name.removeprefix("blob-run/"): azurite[2].download_blob(name).readall() for name in names}
    verified(written(tmp_path / "blob", objects))


def test_to_a_webhook_and_what_arrives_verifies(owned, hook, tmp_path, verified):
    owned.use()
    owned.deliver_to("webhook", hook.settings)
    owned.wait_delivered()
    objects = {headers["X-Vault-Portal-Object"]: body for headers, body in hook.received}
    verified(written(tmp_path / "hook", objects))
    kinds = [name.split("/")[-2] for name in objects]
    assert kinds.index("segments") < kinds.index("manifests"), "a manifest names a segment that is stored already"


def test_to_syslog_every_record_and_manifest_in_order(owned, syslog, authority):
    owned.use()
    port, received, (certificate, key) = syslog
    settings = {"host": "localhost", "port": str(port), "ca_pem": authority.pem}
    settings |= {"client_certificate": certificate.read_text(), "client_key": key.read_text()}
    owned.deliver_to("syslog", settings)
    delivered = owned.wait_delivered()["delivery"]["delivered"]

    def lines(kind):
        mark = f"vaultportal {owned.name} {kind} "
        return [line.split(" ", 4)[4] for line in received.read_text().splitlines() if line.startswith(mark)]

    wait_until(lambda: len(lines("record")) >= delivered, "messages")
    assert [json.loads(line)["integrity"]["seq"] for line in lines("record")][:delivered] == list(range(delivered))
    assert json.loads(lines("manifest")[0])["first"] == 0


def test_encrypted_to_the_owner_the_storage_cannot_read_it_and_the_owner_can(
    owned, delivered_root, folder, verified, tmp_path
):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = tmp_path / "owner.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    owned.use()
    owned.deliver_to("directory", {"path": folder}, public_key=public.decode())
    current = owned.wait_delivered()
    tree = delivered_root / folder
    assert list(tree.glob("*/*/segments/*.enc")) and not list(tree.glob("*/*/segments/*.gz"))
    assert b"SecretGet" not in b"".join(file.read_bytes() for file in tree.rglob("*") if file.is_file())
    verified(tree, "--private-key", str(private))
    before = {file: file.read_bytes() for file in tree.rglob("*") if file.is_file()}
    for file in before:
        file.unlink()
    replay(owned, 0, current["delivery"]["delivered"] - 1)
    assert {file: file.read_bytes() for file in before} == before, "the same bytes again"


def replay(owned, first, last):
    answer = owned.management.ask("POST", f"{owned.path}/replay", {"first": first, "last": last})
    assert answer.status == 202, answer.data
    identity = answer.json()["id"]

    def ended():
        found = next(row for row in owned.read_status()["replays"] if row["id"] == identity)
        return found if found["state"] != "queued" else None

    found = wait_until(ended, "replay")
    assert (found["state"], found["error"]) == ("done", "")


def test_a_range_is_delivered_again_as_it_was(owned, delivered_root, folder, verified):
    owned.deliver_to("directory", {"path": folder})
    for _ in range(3):
        owned.use(2)
        current = owned.wait_delivered()
    tree = delivered_root / folder
    files = sorted(file for file in tree.rglob("*") if file.is_file())
    assert len(list(tree.glob("*/*/manifests/*"))) >= 3
    before = {file: file.read_bytes() for file in files}
    second = json.loads(sorted(tree.glob("*/*/manifests/*"))[1].read_bytes())
    for file in files:
        if f"{second['first']:016}-{second['last']:016}" in file.name:
            file.unlink()
    replay(owned, second["first"], second["last"])
    assert {file: file.read_bytes() for file in files} == before
    owned.wait_delivered()
    verified(tree)
    beyond = {"first": 0, "last": current["delivery"]["delivered"] + 10_000}
    answer = owned.management.ask("POST", f"{owned.path}/replay", beyond)
    assert answer.status == 400


def test_a_test_says_what_to_do_and_then_that_it_works(owned, hook):
    hook.status = 500
    owned.deliver_to("webhook", hook.settings)
    answer = owned.management.ask("POST", f"{owned.path}/test").json()
    assert answer["ok"] is False
    assert "HTTP 500" in answer["error"]
    hook.status = 204
    assert owned.management.ask("POST", f"{owned.path}/test").json() == {"ok": True, "error": ""}
    assert any(headers["X-Vault-Portal-Object"].endswith("vault-portal-test.txt") for headers, _ in hook.received)


def test_a_storage_that_is_down_loses_nothing_and_delays_nobody_else(
    owned, another, hook, delivered_root, folder, tmp_path, verified
):
    hook.status = 503
    owned.deliver_to("webhook", hook.settings)
    another.deliver_to("directory", {"path": folder})
    wait_until(lambda: owned.read_status()["delivery"]["state"] == "failing", "the failure")
    for _ in range(3):
        owned.use(3)
        another.use(3)
        current = another.wait_delivered(seconds=10)
        assert current["delivery"]["state"] == "delivering"
    failing = owned.read_status()["delivery"]
    assert failing["delivered"] == 0
    assert "HTTP 503" in failing["error"] and failing["waiting_since"]
    hook.received.clear()
    hook.status = 204
    owned.deliver_to("webhook", hook.settings)  # and try at once
    owned.wait_delivered()
    objects = {headers["X-Vault-Portal-Object"]: body for headers, body in hook.received}
    verified(written(tmp_path / "late", objects))
    kept = [row["operation"] for row in records("log_id = %s AND operation LIKE 'LogDelivery%%'", [owned.id])]
    assert kept == ["LogDeliveryFail", "LogDeliveryRecover"], "once each, however often it was tried"


def test_kill_9_of_the_delivery_process_midway(owned, delivered_root, folder, verified):
    owned.deliver_to("directory", {"path": folder})
    for _ in range(6):
        owned.use(3)
        pid = pid_of("log-delivery")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda gone=pid: pid_of("log-delivery") != gone, "a new process")
    delivered = owned.wait_delivered(60)["delivery"]["delivered"]
    tree = delivered_root / folder
    verified(tree)
    numbers = sequence_numbers(tree)
    assert numbers == list(range(len(numbers))) and len(numbers) >= delivered


@pytest.mark.parametrize("kind", ["segments", "leaves", "manifests"])
def test_kill_9_of_the_database_between_the_storage_and_the_watermark(owned, hook, tmp_path, verified, kind):
    """The storage has the object, the watermark cannot be moved: what comes again is the same under the same name."""
    gone = []

    def fall(name):
        if f"/{kind}/" in name and not gone:
            gone.append(pid_of("postgres"))
            os.kill(gone[0], signal.SIGKILL)

    hook.meanwhile = fall
    owned.use(3)
    owned.deliver_to("webhook", hook.settings)
    wait_until(lambda: gone and pid_of("postgres") not in gone, "a new database")
    wait_until(lambda: owned.management.ask("GET", owned.path).status == 200, "the system", pause=0.2)
    time.sleep(3)  # every process finds the new one
    owned.use(3)
    owned.wait_delivered(60)
    wait_until(lambda: (count := len(hook.received), time.sleep(3)) and len(hook.received) == count, "an end")
    came = {}
    for headers, body in hook.received:
        came.setdefault(headers["X-Vault-Portal-Object"], []).append((headers["webhook-id"], body))
    assert all(len(set(copies)) == 1 for copies in came.values()), "the same bytes and the same id"
    assert len(next(copies for name, copies in came.items() if f"/{kind}/" in name)) > 1, "it came again"
    tree = written(tmp_path / "fallen", {name: copies[0][1] for name, copies in came.items()})
    verified(tree)
    numbers = sequence_numbers(tree)
    assert numbers == list(range(len(numbers)))


def test_a_storage_inside_that_is_not_allowed_is_never_connected_to(owned, hook):
    owned.deliver_to("webhook", {"url": "https://169.254.169.254/", "secret": hook.secret})
    answer = owned.management.ask("POST", f"{owned.path}/test").json()
    assert "not at a public address" in answer["error"]


def test_credentials_are_nowhere(owned, s3, authority):
    """Not in the answer, not in the database, not in a log: sealed, and only the HSM worker's role reads even that."""
    settings = {"endpoint": s3[0], "bucket": "nobody-has-this", "ca_pem": authority.pem}
    current = owned.deliver_to("s3", {**settings, "access_key_id": "AKIA", "secret_access_key": CANARY})
    assert current["credentials"] == ["access_key_id", "secret_access_key"]
    assert CANARY not in json.dumps(current)
    owned.management.ask("POST", f"{owned.path}/test")
    state = Path(os.environ["TEST_STATE_DIR"])
    logs = b"".join(file.read_bytes() for file in (state / "logs").iterdir())
    assert CANARY.encode() not in logs
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()
            text = "\n".join(row[0] for row in rows)
            assert CANARY not in text, table
            assert CANARY.encode().hex() not in text, table


def test_storage_that_nobody_understands_is_a_failure_that_people_see(owned, tmp_path):
    """What a library makes of a strange answer ends no try unseen, and no word of the answer is in our log."""
    peer = Peer(tmp_path)
    peer.answer = b"HTTP/1.1 200 OK\r\nx-amz-object-size: named-by-storage-%b\r\nContent-Length: 0\r\n\r\n" % (
        CANARY.encode()
    )
    settings = {"endpoint": peer.url, "bucket": "usage-logs", "ca_pem": peer.authority.pem}
    owned.deliver_to("s3", {**settings, "access_key_id": "AKIA", "secret_access_key": "x" * 20})
    current = wait_until(
        lambda: (found := owned.read_status()["delivery"])["state"] == "failing" and found, "the failure"
    )
    peer.close()
    assert "do not understand" in current["error"] and CANARY not in current["error"]
    assert current["waiting_since"]
    logs = b"".join(file.read_bytes() for file in (Path(os.environ["TEST_STATE_DIR"]) / "logs").iterdir())
    assert b"A delivery failed unexpectedly (" in logs
    assert CANARY.encode() not in logs


@pytest.fixture
def taken(owned, stopped_delivery):
    """Somebody with the owner's rights takes record 1 away before it is delivered."""
    owned.use(3)
    owned.settle()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        record = f"(SELECT event_id FROM audit_leaf WHERE log_id = '{owned.id}' AND seq = 1)"
        owner.execute(f"CREATE TEMP TABLE taken AS SELECT * FROM audit_event WHERE id = {record}")
        with owner.transaction():
            owner.execute("SET LOCAL audit.forgetting = 'yes'")
            owner.execute("DELETE FROM audit_event WHERE id = (SELECT id FROM taken)")
        yield
        owner.execute("INSERT INTO audit_event SELECT * FROM taken")
        owner.execute("DELETE FROM audit_incident WHERE log_id = %s", [owned.id])


@pytest.mark.usefixtures("taken")
def test_a_record_that_is_gone_stops_no_other_and_is_an_incident(owned, owner, folder, delivered_root, verified):
    owned.deliver_to("directory", {"path": folder})
    os.kill(pid_of("log-delivery"), signal.SIGCONT)
    owned.wait_delivered(60)
    found = verified(delivered_root / folder, code=1).splitlines()
    assert [line for line in found if "missing" in line and "record 1" in line]
    query = "SELECT EXISTS (SELECT FROM audit_incident WHERE log_id = %s AND seq = 1 AND problem = 'missing')"
    wait_until(lambda: owner.execute(query, [owned.id]).fetchone()[0], "an incident", seconds=120)


def test_a_replay_that_cannot_be_is_over_and_new_records_go_on(owned, hook):
    """Storage that lets nobody overwrite: the replay fails, the destination does not, nor does it try for ever."""
    owned.use(1)
    owned.deliver_to("webhook", hook.settings)
    owned.wait_delivered()
    there = {headers["X-Vault-Portal-Object"] for headers, _ in hook.received}
    hook.meanwhile = lambda name: setattr(hook, "status", 409 if name in there else 204)
    answer = owned.management.ask("POST", f"{owned.path}/replay", {"first": 0, "last": 0})
    assert answer.status == 202, answer.data
    ended = wait_until(lambda: [row for row in owned.read_status()["replays"] if row["state"] != "queued"], "replay")
    assert ended[0]["state"] == "failed"
    assert "HTTP 409" in ended[0]["error"] and "before record 0" in ended[0]["error"]
    owned.use(1)
    owned.wait_delivered()
    kept = [row["operation"] for row in records("log_id = %s AND operation LIKE 'LogDelivery%%'", [owned.id])]
    assert kept == [], "the destination did not fail"


@pytest.mark.parametrize("role", ["WEB", "AUDITOR", "DELIVERY", "JOBS", "RETENTION"])
def test_only_the_hsm_worker_reads_what_rests_sealed(role):
    with (
        psycopg.connect(os.environ[f"{role}_DATABASE_URL"]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT sealed FROM delivery_logdestination")


def test_a_guarded_vault_asks_a_second_person(owned, colleague, folder):
    owned.deliver_to("directory", {"path": folder})
    management, vault = owned.management, f"vaults/{owned.name}"
    assert management.ask("PUT", f"{vault}/log-retention", {"days": 30}).status == 200
    assert management.ask("PATCH", vault, {"production": True}).status == 200
    change = {"kind": "directory", "settings": {"path": f"{folder}-elsewhere"}}
    refused = management.ask("PUT", owned.path, change)
    assert refused.status == 403
    assert "needs approval" in refused.json()["error"]["message"]
    assert management.ask("DELETE", owned.path).status == 403
    assert management.ask("PUT", f"{vault}/log-retention", {"days": 29}).status == 403
    assert management.ask("PUT", f"{vault}/log-retention", {"days": 31}).status == 200, "longer needs nobody"
    assert owned.read_status()["settings"] == {"path": folder}
    wanted = [row for row in management.ask("GET", "approvals").json() if row["vault"] == owned.name]
    assert {row["act"] for row in wanted} == {"log-destination", "retention-shortened"}
    moved = [row["id"] for row in wanted if "elsewhere" in json.dumps(row["change"])]
    assert management.ask("POST", f"approvals/{moved[0]}", {"approve": True}).status == 403, "nobody approves their own"
    assert colleague("POST", f"approvals/{moved[0]}", {"approve": True}).status == 200
    assert management.ask("PUT", owned.path, change).status == 200
    assert owned.read_status()["settings"] == {"path": f"{folder}-elsewhere"}


def test_what_was_a_secret_does_not_open_as_credentials(owned, folder):
    """The sealed bytes of a row open in no other row, even if the database owner moves them."""
    owned.use(1)
    owned.deliver_to("directory", {"path": folder})
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "UPDATE delivery_logdestination SET changed = now(), sealed = (SELECT v.sealed FROM secrets_secretversion v "
            "JOIN secrets_secret s ON s.id = v.secret_id WHERE s.vault_id = %s LIMIT 1) WHERE vault_id = %s",
            [owned.id, owned.id],
        )
    answer = owned.management.ask("POST", f"{owned.path}/test").json()
    assert answer["ok"] is False
    time.sleep(0.5)
    assert owned.read_status()["delivery"]["state"] == "failing"
