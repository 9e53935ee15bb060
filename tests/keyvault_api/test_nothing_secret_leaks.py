"""After a working day: no secret, PIN, token or private key in logs, broker, database, Celery messages, process lists.

Runs last in its directory's alphabet by intent: the other tests of the data plane have filled the logs.
"""

import base64
import json
import os
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest
import valkey

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def state():
    return Path(os.environ["TEST_STATE_DIR"])


@pytest.fixture(scope="module")
def canaries(stack, state):
    """Everything that must not be anywhere: used for real just now, as bytes."""
    http, token = stack.http(), stack.token()
    marker = "canary-" + base64.urlsafe_b64encode(os.urandom(24)).decode()
    headers = {"Authorization": f"Bearer {token}"}

    def ask(method, path, body=None):
        url = f"{stack.vault_url}{path}{'&' if '?' in path else '?'}api-version=7.4"
        return http.request(method, url, json=body, headers=headers)

    name = f"leak-{os.urandom(4).hex()}"
    assert ask("PUT", f"/secrets/{name}", {"value": marker}).status == 200
    assert ask("GET", f"/secrets/{name}").json()["value"] == marker
    assert ask("POST", f"/keys/{name}/create", {"kty": "RSA"}).status == 200
    wrapped = ask(
        "POST",
        f"/keys/{name}/wrapkey",
        {"alg": "RSA-OAEP", "value": base64.urlsafe_b64encode(marker.encode()).decode().rstrip("=")},
    )
    assert ask("POST", f"/keys/{name}/unwrapkey", {"alg": "RSA-OAEP", "value": wrapped.json()["value"]}).status == 200
    assert ask("POST", f"/keys/{name}-kem/create", {"kty": "AKP", "alg": "ML-KEM-768"}).status == 200
    fresh = ask("POST", f"/keys/{name}-kem/wrapkey", {"alg": "ML-KEM-768"}).json()
    unwrapped = ask("POST", f"/keys/{name}-kem/unwrapkey", {"alg": "ML-KEM-768", "value": fresh["value"]})
    assert unwrapped.json()["value"] == fresh["shared_secret"]
    brought = os.urandom(16).hex().encode()  # 32 bytes of an AES key, and the password of a PFX
    oct_key = {"kty": "oct-HSM", "k": base64.urlsafe_b64encode(brought).decode().rstrip("=")}
    assert ask("PUT", f"/keys/{name}-aes", {"key": oct_key}).status == 200
    assert ask("PUT", f"/keys/{name}-aes", {"key": {**oct_key, "kty": "oct"}}).status == 200
    pfx_password = marker[::-1]
    assert ask("POST", f"/certificates/{name}-c/import", {"value": "AAAA", "pwd": pfx_password}).status == 400
    policy = {"x509_props": {"subject": "CN=x"}, "issuer": {"name": "Self"}, "key_props": {"kty": "EC"}}
    assert ask("POST", f"/certificates/{name}-c/create", {"policy": policy}).status == 202
    assert ask("POST", f"/keys/{name}/backup").status == 200
    # Failures print more than successes: make some that carry the canary.
    ask("PUT", f"/secrets/{name}", {"value": marker, "tags": marker})
    ask("POST", f"/keys/{name}/decrypt", {"alg": "RSA-OAEP", "value": marker})
    ask("POST", f"/keys/{name}/sign", {"alg": marker, "value": marker})
    http.request(
        "POST",
        f"{stack.authority}/{stack.tenant}/oauth2/v2.0/token",
        fields={"client_secret": marker},
        encode_multipart=False,
    )
    secrets = {path.name: path.read_bytes().strip() for path in (state / "secrets").iterdir()}
    assert {"pin-europe", "pin-america", "django"} <= set(secrets)
    return {
        "the secret's value": marker.encode(),
        "the secret's value in base64url": base64.urlsafe_b64encode(marker.encode()).rstrip(b"="),
        "the imported AES key": brought,
        "the imported AES key in base64url": base64.urlsafe_b64encode(brought).rstrip(b"="),
        "the fresh key of ML-KEM": base64.urlsafe_b64decode(fresh["shared_secret"] + "="),
        "the fresh key of ML-KEM in base64url": fresh["shared_secret"].encode(),
        "the PFX's password": pfx_password.encode(),
        "the access token": token.encode(),
        "the token's signature": token.rsplit(".", 1)[1].encode(),
        "the client secret": stack.client_secret.encode(),
        "the stranger's client secret": stack.stranger_secret.encode(),
        **{
            f"the password of {role}": os.environ[f"PORTAL_PASSWORD_{role}"].encode()
            for role in ("SECOPS", "DEVELOPER", "AUDITOR")
        },
        **secrets,
        "PEM private key": b"BEGIN PRIVATE KEY",
        "PKCS#8 of an RSA key": bytes.fromhex("020100300d06092a864886f70d0101010500"),
    }


def holders(canaries, data, *, but=()):
    return [name for name, value in canaries.items() if name not in but and value in data]


def test_the_logs_hold_none(canaries, state):
    logs = list((state / "logs").glob("*.log*"))
    assert len(logs) >= 10
    assert {log.name: found for log in logs if (found := holders(canaries, log.read_bytes()))} == {}


def test_the_broker_holds_none(canaries):
    broker = valkey.Valkey(unix_socket_path=os.environ["BROKER_URL"].removeprefix("redis+socket://"))
    dump = b"".join(key + (broker.dump(key) or b"") for key in broker.scan_iter())
    assert b"_kombu" in dump, "the broker was looked at"
    assert holders(canaries, dump) == []


def test_the_database_holds_none(canaries, stack):
    url = os.environ["DATABASE_URL"]
    found, rows = [], 0
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            with connection.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT (FORMAT binary)") as copy:
                data = b"".join(bytes(block) for block in copy)
            rows += len(data) > 30
            found += [(table, name) for name in holders(canaries, data)]
    assert rows > 10
    assert found == []


def test_the_database_server_wrote_none_to_its_files(canaries, state):
    files = [path for path in (state / "pg").rglob("*") if path.is_file()]
    assert len(files) > 100
    found = {path.name: names for path in files if (names := holders(canaries, content_of(path)))}
    assert found == {}


def content_of(path):
    """The bytes of a file of a running server, which may remove it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def test_no_process_shows_one_in_its_arguments(canaries, state):
    pids = [process["pid"] for process in json.loads((state / "status.json").read_text())["processes"].values()]
    shown = b"\n".join("\0".join(psutil.Process(pid).cmdline()).encode() for pid in pids)
    assert holders(canaries, shown) == []


def test_a_web_process_knows_nothing_of_the_hsm(state):
    status = json.loads((state / "status.json").read_text())["processes"]
    web = psutil.Process(status["web"]["pid"])
    for process in (web, *web.children(recursive=True)):
        environment = process.environ()
        assert not [name for name in environment if "PIN" in name or "SOFTHSM" in name or name.startswith("HSM_")]
        maps = Path(f"/proc/{process.pid}/maps").read_text()
        assert "softhsm" not in maps
        assert "_pkcs11" not in maps
    lane = psutil.Process(status["hsm-europe-lane-1"]["pid"])
    assert "softhsm" in Path(f"/proc/{lane.pid}/maps").read_text()


def test_private_files_are_private(state):
    """Nobody lists the directory (processes of separated accounts enter it), and the files with secrets are private."""
    assert state.stat().st_mode & 0o066 == 0
    assert (state / "secrets").stat().st_mode & 0o077 == 0
    files = [state / "demo.json", *(state / "secrets").iterdir(), *(state / "tls").glob("*.key")]
    assert len(files) > 10
    assert [path.name for path in files if path.stat().st_mode & 0o077] == []
    assert subprocess.run(["git", "check-ignore", "-q", ".portal/x"], check=False).returncode == 0
