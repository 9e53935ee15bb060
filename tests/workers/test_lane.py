"""The HSM worker's end of the lane, asked as a web process would ask, and as no web process should."""

import os
import socket
import time
from contextlib import closing
from pathlib import Path

import jwt
import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from apps.core.ids import uuid7
from apps.core.principals import RequestContext, Scheme
from apps.domain.hsm_client import protocol
from apps.domain.hsm_client.lane_client import HsmClient, HsmUnavailable

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def sockets():
    found = sorted((Path(os.environ["LANE_DIR"]) / "europe" / "web").glob("*.sock"))
    assert len(found) == 2
    return found


@pytest.fixture
def ask(sockets):
    """One packet to one worker: ("", value), or the error's code and message."""

    def exchange(packet, path=sockets[0]):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            connection.send(packet)
            return tuple(msgspec.msgpack.decode(connection.recv(200_000))[:2])

    return exchange


@pytest.fixture(scope="module")
def name(stack):
    """The name of a key and a secret in the vault."""
    http, headers = stack.http(), {"Authorization": f"Bearer {stack.token()}"}
    name = f"lane-{os.urandom(4).hex()}"
    url = f"{stack.vault_url}/{{}}?api-version=7.4"
    made = http.request("POST", url.format(f"keys/{name}/create"), json={"kty": "EC-HSM"}, headers=headers)
    assert made.status == 200
    assert http.request("PUT", url.format(f"secrets/{name}"), json={"value": "v"}, headers=headers).status == 200
    return name


def caller(credential, scheme=Scheme.BEARER):
    return RequestContext(request_id=uuid7(), address="192.0.2.7", scheme=scheme, credential=credential)


@pytest.fixture
def use(stack, name):
    """The packet of a signature by the demo's application, or something else."""

    def make(credential=None, scheme=Scheme.BEARER, **changes):
        context = caller(stack.token() if credential is None else credential, scheme)
        request = protocol.UseKey(0.0, context, "demo-europe", name, "", "keys/sign", "ES256", bytes(32))
        return protocol.pack_request(msgspec.structs.replace(request, **changes))

    return make


def test_a_worker_answers_and_its_hsm_too(ask, sockets):
    for path in sockets:
        assert ask(protocol.pack_request(protocol.Ping()), path) == ("", True)


def test_a_use_is_carried_out(ask, use, name):
    code, (used, _version, signature) = ask(use())
    assert (code, used, len(signature)) == ("", name, 64)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"vault_name": "demo-america"}, "KeyNotFound"),
        ({"vault_name": "not-there"}, "VaultNotFound"),
        ({"name": "not-there"}, "KeyNotFound"),
        ({"name": "not a name"}, "BadObjectName"),
        ({"version": "0" * 32}, "KeyNotFound"),
        ({"permission": "keys/decrypt"}, "KeyOperationForbidden"),
        ({"permission": "secrets/get"}, "RequestMalformed"),
        ({"permission": "keys/get"}, "RequestMalformed"),
        ({"permission": "keys/sign\0"}, "RequestMalformed"),
        ({"expires_at": 1.0}, "Expired"),
        ({"algorithm": "ES384"}, "BadKeyParameter"),
        ({"value": b"short"}, "BadKeyParameter"),
    ],
    ids=str,
)
def test_the_worker_decides(ask, use, changes, error):
    assert ask(use(**changes))[0] == error


@pytest.mark.parametrize("size", [-1, 0, 129, 10**9])
def test_a_request_for_random_bytes_gets_no_more_than_one_answer_of_the_api_has(ask, size):
    assert ask(protocol.pack_request(protocol.RandomBytes(0.0, size)))[0] == "BadCount"
    code, value = ask(protocol.pack_request(protocol.RandomBytes(0.0, 128)))
    assert (code, len(value)) == ("", 128)


def test_a_database_connection_that_broke_while_idle_refuses_nothing(ask, use, sockets):
    for path in sockets:
        assert ask(use(), path)[0] == ""
    with psycopg.connect(os.environ["HSM_DATABASE_URL"], autocommit=True) as role:
        others = "FROM pg_stat_activity WHERE usename = 'vault_hsm' AND pid <> pg_backend_pid()"
        assert role.execute(f"SELECT pg_terminate_backend(pid) {others}").rowcount >= len(sockets)
    time.sleep(1.1)  # a connection that was used a moment ago is not tested
    for path in sockets:
        assert ask(use(), path)[0] == ""


def forged_token(stack, **changes):
    """A token with the claims and the key id of a genuine one, signed by a key of our own."""
    genuine = stack.token()
    claims = jwt.decode(genuine, options={"verify_signature": False}) | changes
    key = ec.generate_private_key(ec.SECP256R1())
    return jwt.encode(claims, key, algorithm="ES256", headers=jwt.get_unverified_header(genuine))


@pytest.mark.parametrize(
    ("credential", "scheme"),
    [
        ("", Scheme.BEARER),
        ("x", Scheme.BEARER),
        ("forged", Scheme.BEARER),
        ("stranger", Scheme.BEARER),
        ("", Scheme.SESSION),
        ("a" * 32, Scheme.SESSION),
        ("vpm_" + "a" * 43, Scheme.MANAGEMENT),
        ("genuine", Scheme.NONE),
        ("genuine", Scheme.SESSION),
    ],
)
def test_without_a_live_credential_of_somebody_with_a_role_nothing_is_used(stack, ask, use, credential, scheme):
    words = {"forged": lambda: forged_token(stack), "stranger": lambda: stack.token(stranger=True)}
    words["genuine"] = stack.token
    credential = words.get(credential, lambda: credential)()
    assert ask(use(credential, scheme))[0] in ("TokenRefused", "NotAuthorised")


def test_a_secret_is_given_to_a_caller_with_the_role_only(stack, ask, name):
    def request(token):
        return protocol.pack_request(protocol.UnsealSecret(0.0, caller(token), "demo-europe", name, ""))

    code, (value, facts) = ask(request(stack.token()))
    assert (code, value, facts["name"]) == ("", b"v", name)
    assert ask(request(stack.token(stranger=True)))[0] == "NotAuthorised"
    assert ask(request(""))[0] == "TokenRefused"


def test_a_token_is_issued_for_a_credential_only(stack, ask):
    def request(**credential):
        context = caller("", Scheme.NONE)
        return protocol.pack_request(protocol.IssueToken(0.0, context, stack.client_id, **credential))

    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        world = connection.execute("SELECT world_name FROM identity_signingkey ORDER BY created DESC").fetchone()[0]
    path = Path(os.environ["LANE_DIR"]) / world / "web" / "1.sock"
    assert ask(request(secret="wrong"), path) == ("", "")
    assert ask(request(), path) == ("", "")
    code, token = ask(request(secret=stack.client_secret), path)
    assert code == ""
    assert jwt.decode(token, options={"verify_signature": False})["appid"] == stack.client_id


# A token request whose keys of the issuer are lists in lists.
DEEP = msgspec.msgpack.encode(["IssueToken", 0.0, {"request_id": "0" * 32}, "", "", "", {"a": 1}])[:-1] + b"\x91" * 5000


@pytest.mark.parametrize(
    "packet",
    [b"\x00", b"\xff" * 1000, b"\x93\x01", b"\x91\xd0\xff", os.urandom(60_000), DEEP + b"\xc0"],
    ids=lambda p: f"{len(p)}",
)
def test_bytes_that_are_no_request_kill_nobody(ask, packet):
    assert ask(packet) == ("RequestMalformed", "This is no request of the HSM protocol.")
    assert ask(protocol.pack_request(protocol.Ping())) == ("", True)


def test_a_caller_who_does_not_wait_harms_nobody(ask, use, sockets):
    packet = use()
    for _ in range(50):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(str(sockets[0]))
            connection.send(packet)
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
