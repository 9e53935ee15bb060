"""The HSM worker's end of the lane, asked as a web process would ask, and as no web process should."""

import os
import socket
import time
import uuid
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from django.conf import settings

from apps.domain.hsm_client import protocol
from apps.domain.hsm_client.lane_client import HsmClient, HsmUnavailable

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def sockets():
    found = sorted((Path(os.environ["LANE_DIR"]) / "europe").glob("*.sock"))
    assert len(found) == 2
    return found


@pytest.fixture
def ask(sockets):
    """One packet to one worker; its answer."""

    def exchange(packet, path=sockets[0]):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            connection.send(packet)
            return protocol.unpack_answer(connection.recv(200_000))

    return exchange


@pytest.fixture(scope="module")
def rows(stack):
    """Ids of a key version, a secret version and their vault, as the database has them."""
    import psycopg

    http, headers = stack.http(), {"Authorization": f"Bearer {stack.token()}"}
    name = f"lane-{os.urandom(4).hex()}"
    url = f"{stack.vault_url}/{{}}?api-version=7.4"
    assert (
        http.request("POST", url.format(f"keys/{name}/create"), json={"kty": "EC-HSM"}, headers=headers).status == 200
    )
    assert http.request("PUT", url.format(f"secrets/{name}"), json={"value": "v"}, headers=headers).status == 200
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        key = connection.execute("SELECT current_id, vault_id FROM keys_key WHERE name = %s", [name]).fetchone()
        secret = connection.execute("SELECT current_id FROM secrets_secret WHERE name = %s", [name]).fetchone()
    return {"key": key[0].hex, "vault": key[1].hex, "secret": secret[0].hex}


def facts(rows):
    return protocol.Facts(rows["vault"], "v", "KeySign", uuid.uuid4().hex, "t", "keys/x", uuid.uuid4().hex, "", "", {})


def use(rows, **changes):
    request = protocol.UseKey(0.0, facts(rows), "keys/sign", rows["vault"], rows["key"], "ES256", bytes(32), b"")
    return protocol.pack_request(msgspec.structs.replace(request, **changes))


def test_a_worker_answers_and_its_hsm_too(ask, sockets):
    for path in sockets:
        assert ask(protocol.pack_request(protocol.Ping()), path) == ("", True)


def test_a_use_is_carried_out(ask, rows):
    name, signature = ask(use(rows))
    assert (name, len(signature)) == ("", 64)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"vault_id": "0" * 32}, "WrongVault"),
        ({"key_version_id": "0" * 32}, "KeyNotFound"),
        ({"permission": "keys/decrypt"}, "KeyOperationForbidden"),
        ({"permission": "secrets/get"}, "Internal"),
        ({"permission": "keys/get"}, "Internal"),
        ({"expires_at": 1.0}, "Expired"),
        ({"algorithm": "ES384"}, "BadKeyParameter"),
        ({"value": b"short"}, "BadKeyParameter"),
        ({"key_version_id": "not an id"}, "Internal"),
    ],
    ids=str,
)
def test_the_worker_looks_again(ask, rows, changes, error):
    assert ask(use(rows, **changes))[0] == error


def test_a_secret_is_given_for_its_vault_and_permission_only(ask, rows):
    def request(**changes):
        asked = protocol.UnsealSecret(0.0, facts(rows), "secrets/get", rows["vault"], rows["secret"])
        return protocol.pack_request(msgspec.structs.replace(asked, **changes))

    assert ask(request()) == ("", b"v")
    assert ask(request(vault_id="0" * 32))[0] == "WrongVault"
    assert ask(request(permission="secrets/list"))[0] == "Forbidden"
    assert ask(request(secret_version_id="0" * 32))[0] == "SecretNotFound"


@pytest.mark.parametrize(
    "packet", [b"\x00", b"\xff" * 1000, b"\x93\x01", b"\x91\xd0\xff", os.urandom(60_000)], ids=lambda p: f"{len(p)}"
)
def test_bytes_that_are_no_request_kill_nobody(ask, packet):
    name, value = ask(packet)
    assert name == "Internal"
    assert value == ""
    assert ask(protocol.pack_request(protocol.Ping())) == ("", True)


def test_a_caller_who_does_not_wait_harms_nobody(ask, rows, sockets):
    for _ in range(50):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(str(sockets[0]))
            connection.send(use(rows))
    assert ask(protocol.pack_request(protocol.Ping())) == ("", True)


def test_without_workers_the_lane_says_so_at_once(tmp_path):
    started = time.monotonic()
    with pytest.raises(HsmUnavailable):
        HsmClient(tmp_path).call(protocol.Ping())
    assert time.monotonic() - started < 0.5


def test_a_silent_worker_is_given_up_within_two_seconds(tmp_path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(tmp_path / "1.sock"))
    listener.listen()
    started = time.monotonic()
    with pytest.raises(HsmUnavailable):
        HsmClient(tmp_path).call(protocol.Ping())
    assert time.monotonic() - started < 2.0
    listener.close()


def test_a_restarted_worker_costs_no_refusal(tmp_path):
    def serve():
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        (tmp_path / "1.sock").unlink(missing_ok=True)
        listener.bind(str(tmp_path / "1.sock"))
        listener.listen()
        return listener

    import threading

    def answer_one(listener):
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.send(protocol.pack_answer(True))
        connection.close()
        listener.close()

    with closing(HsmClient(tmp_path)) as lane:
        for _ in range(3):
            listener = serve()
            thread = threading.Thread(target=answer_one, args=(listener,))
            thread.start()
            assert lane.call(protocol.Ping()) is True
            thread.join()
    assert settings.LANE_DIR
