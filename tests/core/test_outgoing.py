"""Where we connect to when somebody types an address in (security-guarantees.md section 8), as a table."""

import contextlib
import gzip
import ipaddress
import os
import socket
import ssl
import threading
import time

import pytest
import urllib3

from apps.core import outbound_http
from apps.core.outbound_http import AddressRefused, Guard, check_host, get, http_pool, post, split_url, tls_context
from tests.support.certificate_authority import Authority


class Peer:
    """Somebody who speaks TLS and then does what is not usual."""

    def __init__(self, directory):
        self.authority = Authority(directory)
        self.answer, self.drip, self.pause = b"", b"", 0.0
        self.asked = self.received = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*self.authority.issue("peer"))
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def get(self, seconds=5.0):
        pool = http_pool(Guard.of(["127.0.0.0/8"]), tls_context(self.authority.pem), seconds)
        return get(pool, self.url, {})

    def close(self):
        self._over.set()
        self._listener.close()

    def _serve(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
                self.asked += 1
                self._read(connection)
                connection.sendall(self.answer)
                for byte in self.drip:
                    connection.sendall(bytes([byte]))
                    self._over.wait(0.2)

    def _read(self, connection):
        """The request, with a pause after each 128 KiB of its body."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        if b"expect: 100-continue" in head.lower():
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        got = paused = 0
        while got < length and not self._over.is_set():
            data = connection.recv(65536)
            if not data:
                return
            got += len(data)
            if got - paused >= 131_072:
                paused = got
                self._over.wait(self.pause)
        self.received = got


@pytest.fixture
def peer(tmp_path):
    peer = Peer(tmp_path)
    yield peer
    peer.close()


INSIDE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "3fff::1",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "::7f00:1",
    "::8.8.8.8",
    "fec0::1",
    "5f00::1",
    "100::1",
    "fe80::1%lo",
    "192.0.0.9",
    "192.88.99.1",
    "168.63.129.16",
    "100.100.100.200",
    "fd00:ec2::254",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused(address):
    assert not Guard().permits(ipaddress.ip_address(address))
    with pytest.raises(AddressRefused):
        Guard().resolve(address, 443)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_not(address):
    assert Guard().permits(ipaddress.ip_address(address))


def test_what_the_installation_allows_is_allowed_and_nothing_beside():
    guard = Guard.of(["10.20.0.0/16", " fd00::/8", ""])
    assert guard.permits(ipaddress.ip_address("10.20.3.4"))
    assert guard.permits(ipaddress.ip_address("::ffff:10.20.3.4"))
    assert guard.permits(ipaddress.ip_address("fd12::1"))
    assert not guard.permits(ipaddress.ip_address("10.21.3.4"))
    assert not guard.permits(ipaddress.ip_address("127.0.0.1"))


def test_a_host_that_the_installation_names_may_be_inside_and_no_other(monkeypatch):
    answers(monkeypatch, ["10.0.0.1"])
    guard = Guard(hosts=frozenset({"issuer.example"}))
    assert guard.resolve("issuer.example", 443) == [ipaddress.ip_address("10.0.0.1")]
    with pytest.raises(AddressRefused, match="not at a public address"):
        guard.resolve("other.example", 443)


def test_a_refusal_does_not_tell_what_a_name_inside_means(monkeypatch):
    answers(monkeypatch, ["10.11.12.13"])
    with pytest.raises(AddressRefused) as refused:
        Guard().resolve("database.internal", 443)
    assert "10.11" not in str(refused.value)


def test_a_name_that_cannot_be_asked_for_has_no_address():
    with pytest.raises(OSError, match="no address"):
        Guard().resolve("x" * 70 + ".example", 443)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.1",
        "017700000001",
        "127.0.0.1.",
        "1.2.3.4.5",
        "example.0x10",
        "",
        ".",
        "a..b",
        "-a.example",
        "a b.example",
        "a/b",
        "[::1]",
        "2606:4700::1%eth0",
        "ex\u00e4mple.org",
        "\u2460\u2461\u2466.0.0.1",
        "127\u30020.0.1",
        "x" * 300,
    ],
)
def test_a_host_that_programs_read_differently_is_refused(host):
    with pytest.raises(AddressRefused):
        check_host(host)


@pytest.mark.parametrize(
    "url",
    [
        "http://logs.example.com/",
        "ftp://logs.example.com/",
        "file:///etc/passwd",
        "gopher://logs.example.com/",
        "https://",
        "https:///path",
        "https://user@logs.example.com/",
        "https://user:password@logs.example.com/",
        "https://:@logs.example.com/",
        "https://logs.example.com@127.0.0.1/",
        "https://logs.example.com/#fragment",
        "https://logs.example.com\\@127.0.0.1/",
        "https://logs.example.com /",
        "https://logs.example.com/\r\nX: y",
        "https://logs.example.com:99999/",
        "https://logs.example.com:0/",
        "https://logs.ex\u00e4mple.com/",
        "https://logs.example.com/\x7f",
        "https://logs.example.com:port/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1/",
        "//logs.example.com/",
        "logs.example.com",
    ],
)
def test_an_address_that_is_no_plain_https_one_is_refused(url):
    with pytest.raises(AddressRefused):
        split_url(url)


def test_a_plain_https_address_is_taken():
    assert split_url("https://logs.example.com/a?b=c") == ("logs.example.com", 443)
    assert split_url("https://[2606:4700::1]:8443/") == ("2606:4700::1", 8443)


def answers(monkeypatch, *rounds):
    """The DNS, which answers differently each time. Counts how often it is asked."""
    asked = []

    def resolve(host, port, **_):
        asked.append(host)
        found = rounds[min(len(asked), len(rounds)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_one_address_inside_among_others_is_enough_to_refuse(monkeypatch):
    answers(monkeypatch, ["8.8.8.8", "127.0.0.1"])
    with pytest.raises(AddressRefused):
        Guard().resolve("rebinding.example", 443)


def test_a_name_server_that_is_silent_is_left(monkeypatch):
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(10))
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        Guard().connect("slow.example", 443, 0.3)
    for _ in range(20):  # and does not make us threads without end
        with pytest.raises(OSError, match=r"slow\.example|too many"):
            Guard().resolve("slow.example", 443, 0.01)
    over.set()
    for thread in threading.enumerate():
        if thread.name == "look-up":  # or their places are still taken when the next test wants one
            thread.join()
    assert time.monotonic() - began < 5


def test_a_name_is_resolved_once_and_the_connection_goes_to_that_address(monkeypatch):
    asked, connected = answers(monkeypatch, ["8.8.8.8"], ["127.0.0.1"]), []

    def connect(address, **_):
        connected.append(address)
        raise TimeoutError

    monkeypatch.setattr(outbound_http.socket, "create_connection", connect)
    with pytest.raises(TimeoutError):
        Guard().connect("rebinding.example", 443)
    assert connected == [("8.8.8.8", 443)]
    assert asked == ["rebinding.example"]


def test_many_addresses_take_no_longer_than_one(monkeypatch):
    answers(monkeypatch, [f"8.8.8.{number}" for number in range(100)])
    taken = []

    def connect(address, *, timeout):
        taken.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(outbound_http.socket, "create_connection", connect)
    with pytest.raises(TimeoutError):
        Guard().connect("many.example", 443, timeout=6)
    assert taken and sum(taken) <= 6


def test_an_answer_is_taken_and_its_redirect_is_not(peer):
    peer.answer = b"HTTP/1.1 302 Found\r\nLocation: https://169.254.169.254/\r\nContent-Length: 2\r\n\r\nhi"
    assert peer.get() == (302, b"hi")
    assert peer.asked == 1


def test_no_proxy_of_the_environment_is_asked(peer, monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    peer.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    assert peer.get() == (200, b"hi")


@pytest.mark.slow
@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b"HT"])
def test_an_answer_that_comes_byte_by_byte_is_left(peer, head):
    """A timeout of sockets begins anew with each byte: status, headers and body are bounded together."""
    peer.answer, peer.drip = head, b"x" * 60
    began = time.monotonic()
    with pytest.raises(urllib3.exceptions.HTTPError):
        peer.get(seconds=1.0)
    assert time.monotonic() - began < 3


def test_an_answer_without_end_is_left(peer):
    peer.answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (outbound_http.MAX_RESPONSE_BYTES + 100_000)
    with pytest.raises(urllib3.exceptions.HTTPError):
        peer.get()


def test_an_answer_does_not_unfold(peer):
    packed = gzip.compress(bytes(50_000_000))
    peer.answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    assert peer.get() == (200, packed)


@pytest.mark.slow
def test_a_large_object_may_take_longer_than_an_answer(peer):
    """What OpenSSL sends at once has one timeout for all of it, and a line may be slow."""
    peer.pause, size = 0.04, 16_000_000
    peer.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    began = time.monotonic()
    pool = http_pool(Guard.of(["127.0.0.0/8"]), tls_context(peer.authority.pem), 3.0)
    assert post(pool, peer.url, os.urandom(size), {}) == 200
    assert time.monotonic() - began > 4.0, "slower than the timeout"
    assert peer.received >= size


@pytest.mark.slow
def test_whoever_takes_nothing_is_left(peer, monkeypatch):
    monkeypatch.setattr(outbound_http, "RESPONSE_SECONDS", 0.5)
    monkeypatch.setattr(outbound_http, "_MIN_BYTES_PER_SECOND", 10_000_000)
    peer.pause = 30
    began = time.monotonic()
    with pytest.raises(urllib3.exceptions.HTTPError):
        post(http_pool(Guard.of(["127.0.0.0/8"]), tls_context(peer.authority.pem)), peer.url, bytes(20_000_000), {})
    assert time.monotonic() - began < 10


def test_a_thread_that_does_not_start_keeps_no_place(monkeypatch):
    def start(_self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as poor:
        poor.setattr(threading.Thread, "start", start)
        for _ in range(50):  # more than names are looked up at once
            with pytest.raises(OSError, match="can't start new thread"):
                Guard().resolve("localhost", 443)
    assert Guard.of(["127.0.0.0/8", "::1/128"]).resolve("localhost", 443)
