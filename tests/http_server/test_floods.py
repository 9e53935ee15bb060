"""Small floods against the running system: strangers do not keep applications and people from being served."""

import contextlib
import json
import os
import ssl
import statistics
import threading
import time
from base64 import b64encode

import pytest

from benchmarks.floods import Stranger, flooding
from tests.support.load import VaultClient
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

SLOTS, MORE = 26, 4  # of a web process together (apps/interfaces/http_server/front.py), and a few more
PATIENCE = 2.0  # a single answer takes milliseconds; a whole suite runs beside this


@pytest.fixture(scope="module")
def application(stack):
    """Signs, and returns the median time of a number of signatures. A test before may have restarted the system."""
    wait_until(stack.healthy, "a healthy system")
    client, name = VaultClient(stack), f"flooded-{time.time_ns():x}"
    created = client.ask_patiently("create", "POST", f"/keys/{name}/create", {"kty": "EC-HSM", "crv": "P-256"})
    assert created.status == 200, created.body
    path = json.loads(created.body)["key"]["kid"].removeprefix(stack.vault_url) + "/sign"

    def sign(number=20):
        times = []
        for _ in range(number):
            answer = client.ask("sign", "POST", path, {"alg": "ES256", "value": "A" * 43})
            assert answer.status == 200, answer.body
            times.append(answer.seconds)
        return statistics.median(times)

    return sign


@pytest.fixture
def stranger(stack):
    return Stranger()


def answer_of(sock):
    """The status and the body of what a server sends before it closes."""
    sock.settimeout(20)
    received = b""
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        while chunk := sock.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_more_slow_clients_than_threads_delay_nobody_and_are_answered(stack, stranger, application):
    vault = stack.vault_url.removeprefix("https://")
    with contextlib.ExitStack() as open_ones:
        slow = {
            host: [open_ones.enter_context(stranger.connect(host)) for _ in range(SLOTS + MORE)]
            for host in (stranger.login, stranger.portal, vault)
        }
        for host, sockets in slow.items():
            for sock in sockets:
                sock.sendall(f"POST /keys/a/b/sign HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\n".encode())
        header = open_ones.enter_context(stranger.connect(stranger.login))
        header.sendall(b"GET / HTTP/1.1\r\nX-Endless: ")
        ended = threading.Event()

        def dribble():
            while not ended.wait(0.3):
                for sock in [header, *(sock for sockets in slow.values() for sock in sockets)]:
                    with contextlib.suppress(OSError):
                        sock.sendall(b"x")

        dribbling = threading.Thread(target=dribble)
        dribbling.start()
        try:
            assert application() < PATIENCE
            assert stack.healthy()
            time.sleep(3.5)  # REQUEST_SECONDS is 2 in tests, and connections are looked at once a second
        finally:
            ended.set()
            dribbling.join()
        status, body = answer_of(slow[vault][0])
        assert (status, json.loads(body)["error"]["code"]) == (408, "RequestTimeout")
        status, body = answer_of(slow[stranger.login][0])
        assert (status, json.loads(body)["error"]) == (408, "invalid_request")
        assert answer_of(slow[stranger.portal][0])[0] == 408
        assert is_closed(header)


def test_a_thousand_connections_keep_nobody_out(stranger, application):
    with contextlib.ExitStack() as open_ones:
        idle = [open_ones.enter_context(stranger.connect_plain(source=f"127.0.0.{2 + n % 3}")) for n in range(1000)]
        assert application() < PATIENCE
        with stranger.connect(stranger.login, source="127.0.0.77") as sock:
            sock.sendall(f"GET / HTTP/1.1\r\nHost: {stranger.login}\r\nConnection: close\r\n\r\n".encode())
            assert answer_of(sock)[0] == 404
        idle[0].settimeout(20)
        wait_until(
            lambda: sum(is_closed(sock) for sock in idle) > 200, "the surplus of an address is closed", seconds=20
        )


def is_closed(sock):
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_a_flood_of_passwords_delays_no_signature_and_another_network_signs_in(stack, stranger, application):
    mine = (os.environ["PORTAL_USER_SECOPS"], os.environ["PORTAL_PASSWORD_SECOPS"])
    with flooding("password hashing"):  # from 127.0.0.1
        wait_until(
            lambda: basic(stranger, "nobody", "wrong", "127.0.0.1") == 503, "the sender's places are taken", seconds=60
        )
        assert application() < PATIENCE
        assert basic(stranger, *mine, "127.0.0.3") == 200


def basic(stranger, name, password, source):
    client = stranger.client(stranger.portal, source=source)
    credential = b64encode(f"{name}:{password}".encode()).decode()
    client.request("GET", "/api/v1/vaults", headers={"Host": stranger.portal, "Authorization": f"Basic {credential}"})
    answer = client.getresponse()
    body = answer.read()
    if answer.status == 503:
        assert answer.headers["Retry-After"] and json.loads(body)["error"]["message"]
    client.close()
    return answer.status
