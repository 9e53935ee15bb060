"""`./portal bench floods`: how long an application waits while strangers flood the installation, and while they do not.

Signs and reads a secret, one request after another on connections that stay open, without and with each flood; the
floods come from processes of the lowest priority, as from other machines. Exit 1 above the goal.
"""

import argparse
import base64
import contextlib
import hashlib
import itertools
import json
import os
import random
import re
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

from benchmarks.https import Https

GOAL = 3.0
_API = "?api-version=7.6"
_SLOW, _IDLE, _HASHING, _LOGGING = 60, 1500, 48, 8


# What strangers do. Each runs until its process is ended.


class Stranger:
    """Someone without an account, who opens connections to the hosts of an installation."""

    def __init__(self) -> None:
        vault, portal = urlsplit(os.environ["VAULT_URL"]), urlsplit(os.environ["PORTAL_URL"])
        self.port = vault.port or 443
        self.suffix = vault.netloc.partition(".")[2]
        self.portal, self.login = portal.netloc, urlsplit(os.environ["PORTAL_AUTHORITY"]).netloc
        self._tls = ssl.create_default_context(cafile=os.environ["PORTAL_CA"])

    def connect(self, host: str, *, source: str = "127.0.0.1") -> ssl.SSLSocket:
        plain = self.connect_plain(source=source)
        return self._tls.wrap_socket(plain, server_hostname=host.partition(":")[0])

    def connect_plain(self, *, source: str = "127.0.0.1") -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=(source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as http.client sets it: else a body waits 40 ms
        return plain

    def client(self, host: str, *, source: str = "127.0.0.1") -> HTTPSConnection:
        client = HTTPSConnection(host.partition(":")[0], self.port, timeout=60)
        client.sock = self.connect(host, source=source)
        return client


def slow(stranger: Stranger) -> None:
    """Requests whose bodies come a byte at a time, to each host."""
    hosts = itertools.cycle([stranger.login, stranger.portal, urlsplit(os.environ["VAULT_URL"]).netloc])
    open_ones: list[ssl.SSLSocket] = []
    while True:
        while len(open_ones) < _SLOW:
            host = next(hosts)
            sock = stranger.connect(host)
            head = f"POST /keys/a/b/sign HTTP/1.1\r\nHost: {host}\r\nContent-Length: 20000\r\n\r\n"
            sock.sendall(head.encode())
            open_ones.append(sock)
        for sock in list(open_ones):
            try:
                sock.sendall(b"x")
            except OSError:
                open_ones.remove(sock)
                sock.close()
        time.sleep(0.3)


def hashing(stranger: Stranger) -> None:
    """Sign-ins with wrong passwords, through the form and on the management API, each with another name."""
    _in_threads(_HASHING, lambda number: _form(stranger) if number % 2 else _basic(stranger))


def _form(stranger: Stranger) -> None:
    client = stranger.client(stranger.portal)
    address = f"https://{stranger.portal}/account/login/"
    client.request("GET", "/account/login/", headers={"Host": stranger.portal})
    answer = client.getresponse()
    page = answer.read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    if token is None:
        return
    cookie = "; ".join(value.partition(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie")
    form = f"csrfmiddlewaretoken={token[1]}&login=name-{random.random()}&password=wrong-wrong-wrong"
    headers = {"Host": stranger.portal, "Cookie": cookie, "Referer": address}
    client.request("POST", "/account/login/", form, {**headers, "Content-Type": "application/x-www-form-urlencoded"})
    client.getresponse().read()
    client.close()


def _basic(stranger: Stranger) -> None:
    credential = base64.b64encode(f"name-{random.random()}:wrong".encode()).decode()
    client = stranger.client(stranger.portal)
    client.request("GET", "/api/v1/vaults", headers={"Host": stranger.portal, "Authorization": f"Basic {credential}"})
    client.getresponse().read()
    client.close()


def connections(stranger: Stranger) -> None:
    """As many open connections as one can have, from several addresses, half of them without a TLS handshake."""
    open_ones: list[socket.socket] = []
    for number in itertools.count():
        source = f"127.0.0.{2 + number % 8}"
        with contextlib.suppress(OSError):
            open_ones.append(
                stranger.connect(stranger.portal, source=source)
                if number % 2
                else stranger.connect_plain(source=source)
            )
        if len(open_ones) > _IDLE:
            open_ones.pop(0).close()


def logs(stranger: Stranger) -> None:
    """What leaves records and lines: requests to vaults that may exist, and reports of browsers."""
    report = json.dumps({"csp-report": {"blocked-uri": "x" * 2000}})

    def act(number: int) -> None:
        host = stranger.portal if number % 2 else f"{random.randbytes(5).hex()}.{stranger.suffix}"
        client = stranger.client(host)
        for _ in range(50):
            if number % 2:
                client.request("POST", "/csp-report", report, {"Host": host, "Content-Type": "application/csp-report"})
            else:
                host = f"{random.randbytes(5).hex()}.{stranger.suffix}"
                client.request("POST", f"/keys/a/b/sign{_API}", "{}", {"Host": host})
            client.getresponse().read()
        client.close()

    _in_threads(_LOGGING, act)


def _in_threads(number: int, act: Callable[[int], None]) -> None:
    def run(own: int) -> None:
        while True:
            try:
                act(own)
            except (OSError, ValueError):
                time.sleep(0.05)

    threads = [threading.Thread(target=run, args=(own,), daemon=True) for own in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


FLOODS: dict[str, Callable[[Stranger], None]] = {
    "slow clients": slow,
    "password hashing": hashing,
    "connections": connections,
    "log": logs,
}


@contextlib.contextmanager
def flooding(name: str, *, niceness: int = 0) -> Iterator[None]:
    """Run a flood beside the block, in a session of its own: time is shared between sessions first (sched(7))."""
    command = ["nice", "-n", str(niceness), sys.executable, "-m", "benchmarks.floods", "--flood", name]
    root, quiet = Path(__file__).parents[1], subprocess.DEVNULL
    with subprocess.Popen(command, cwd=root, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/autogroup").write_text(str(niceness), encoding="ascii")
        try:
            time.sleep(2)
            if process.poll() is not None:
                raise SystemExit(f"the flood has ended: {name}")
            yield
        finally:
            process.kill()


# What an application does meanwhile.


class Application:
    """Signs with a key and reads a secret of the demo's vault."""

    def __init__(self) -> None:
        self._host = urlsplit(os.environ["VAULT_URL"]).netloc
        self._stranger = Stranger()
        authority = Path(os.environ["PORTAL_CA"])
        fields = {
            "grant_type": "client_credentials",
            "client_id": os.environ["AZURE_CLIENT_ID"],
            "client_secret": os.environ["AZURE_CLIENT_SECRET"],
            "scope": f"https://{self._stranger.suffix}/.default",
        }
        path = f"/{os.environ['AZURE_TENANT_ID']}/oauth2/v2.0/token"
        self._token = Https(os.environ["PORTAL_AUTHORITY"], authority=authority).post_form(path, fields)["access_token"]
        vault, tag = Https(os.environ["VAULT_URL"], authority=authority), random.randbytes(4).hex()
        vault.headers["Authorization"] = f"Bearer {self._token}"
        vault.call("PUT", f"/secrets/flood-{tag}{_API}", {"value": "v" * 100})
        key = vault.call("POST", f"/keys/flood-{tag}/create{_API}", {"kty": "EC-HSM", "crv": "P-256"})["key"]["kid"]
        digest = base64.urlsafe_b64encode(hashlib.sha256(b"").digest()).decode().rstrip("=")
        sign = json.dumps({"alg": "ES256", "value": digest})
        self._requests = {
            "sign": ("POST", f"{urlsplit(key).path}/sign{_API}", sign),
            "secret get": ("GET", f"/secrets/{quote(f'flood-{tag}')}{_API}", None),
        }

    def measure(self, seconds: float) -> dict[str, list[float]]:
        """The times of each request, in seconds, from two connections of an address of its own."""
        times: dict[str, list[float]] = {name: [] for name in self._requests}
        ends = time.monotonic() + seconds
        threads = [threading.Thread(target=self._run, args=(times, ends)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return times

    def _run(self, times: dict[str, list[float]], ends: float) -> None:
        client = self._stranger.client(self._host, source="127.0.0.99")
        headers = {"Host": self._host, "Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        while time.monotonic() < ends:
            for name, (method, path, body) in self._requests.items():
                started = time.perf_counter()
                client.request(method, path, body, headers)
                answer = client.getresponse()
                answer.read()
                if answer.status != 200:
                    raise SystemExit(f"{name} answered {answer.status}")
                times[name].append(time.perf_counter() - started)
            time.sleep(0.005)
        client.close()


def p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[-1]


def measure(seconds: float, names: list[str]) -> dict[str, dict[str, list[float]]]:
    """The times without a flood, before and after, and with each."""
    application = Application()
    application.measure(2)
    found = {"none": application.measure(seconds)}
    for name in names:
        with flooding(name, niceness=19):
            found[name] = application.measure(seconds)
        time.sleep(3)
    after = application.measure(seconds)
    for request, times in after.items():
        found["none"][request] += times
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="./portal bench floods", description=__doc__)
    parser.add_argument("name", nargs="?", help="floods, as `./portal bench` passes it on")
    parser.add_argument("--flood", choices=FLOODS, help="only be the flood, until stopped")
    parser.add_argument("--only", choices=FLOODS, action="append", help="only measure these")
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    if options.flood:
        FLOODS[options.flood](Stranger())
        return 0
    found = measure(options.seconds, options.only or list(FLOODS))
    worst = 0.0
    print("| flood | request | number | p50, ms | p99, ms | p99 / p99 without |\n|---|---|---:|---:|---:|---:|")
    for flood, requests in found.items():
        for request, times in requests.items():
            ratio = p99(times) / p99(found["none"][request])
            worst = max(worst, ratio)
            milliseconds = f"{1000 * statistics.median(times):.1f} | {1000 * p99(times):.1f}"
            print(f"| {flood} | {request} | {len(times)} | {milliseconds} | {ratio:.1f} |", flush=True)
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
