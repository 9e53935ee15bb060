"""Where we connect to when somebody types an address in (security.md 5.8), as a table."""

import ipaddress
import socket

import pytest

from apps.delivery import outgoing
from apps.delivery.outgoing import Guard, Refused, check_host, split_url

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
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused(address):
    with pytest.raises(Refused, match="not a public address"):
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
        "ex\u00e4mple.org",
        "\u2460\u2461\u2466.0.0.1",
        "127\u30020.0.1",
        "x" * 300,
    ],
)
def test_a_host_that_programs_read_differently_is_refused(host):
    with pytest.raises(Refused):
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
        "https://logs.example.com:port/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1/",
        "//logs.example.com/",
        "logs.example.com",
    ],
)
def test_an_address_that_is_no_plain_https_one_is_refused(url):
    with pytest.raises(Refused):
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
    with pytest.raises(Refused):
        Guard().resolve("rebinding.example", 443)


def test_a_name_is_resolved_once_and_the_connection_goes_to_that_address(monkeypatch):
    asked, connected = answers(monkeypatch, ["8.8.8.8"], ["127.0.0.1"]), []

    def connect(address, **_):
        connected.append(address)
        raise TimeoutError

    monkeypatch.setattr(outgoing.socket, "create_connection", connect)
    with pytest.raises(TimeoutError):
        Guard().connect("rebinding.example", 443)
    assert connected == [("8.8.8.8", 443)]
    assert asked == ["rebinding.example"]
