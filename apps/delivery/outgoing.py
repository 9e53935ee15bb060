"""Connections to addresses that people typed in: nowhere inside, and nowhere else than looked at (security.md 5.8).

A name is resolved once, all of its addresses are judged, and the connection goes to one of exactly those, while TLS
keeps to the name. A DNS answer that changes between look and connection (rebinding) therefore changes nothing. Every
client library that we use makes its connections here: `http_pool` for urllib3, `sinks/s3.py` and `sinks/blob.py`.
"""

import ipaddress
import re
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)\Z")
# Forms of IPv6 that carry an IPv4 address which is what counts: NAT64 (RFC 6052, RFC 8215).
_TRANSLATED = tuple(ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48"))


class Refused(ValueError):
    """We do not connect there. The sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Which addresses inside are allowed all the same (`DELIVERY_ALLOW`)."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, cidrs: Iterable[str]) -> "Guard":
        """Raises `ValueError` for what is no network."""
        return cls(tuple(ipaddress.ip_network(cidr.strip()) for cidr in cidrs if cidr.strip()))

    def permits(self, address: Address) -> bool:
        """Whether we connect to this address."""
        address = _meant(address)
        if any(address in network for network in self.allowed if network.version == address.version):
            return True
        return address.is_global and not (address.is_multicast or address.is_reserved or _embeds(address))

    def resolve(self, host: str, port: int) -> list[Address]:
        """The addresses of a host, all of them permitted. Raises `Refused`, `OSError` when there are none."""
        check_host(host)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        addresses = [ipaddress.ip_address(row[4][0]) for row in found]
        for address in addresses:
            if not self.permits(address):
                raise Refused(
                    f"{host} is at {address}, which is not a public address. Storage inside your network has to be "
                    "allowed by whoever runs this installation (DELIVERY_ALLOW)."
                )
        return addresses

    def connect(self, host: str, port: int, timeout: float = CONNECT_SECONDS) -> socket.socket:
        """A connection to one of the addresses that were looked at. Raises `Refused`, `OSError`."""
        fault: OSError = OSError(f"{host} has no address")
        for address in self.resolve(host, port):
            try:
                return socket.create_connection((str(address), port), timeout=timeout)
            except OSError as error:
                fault = error
        raise fault


def check_host(host: str) -> None:
    """Raise `Refused` unless it is a name, or an address written in the one usual way.

    `2130706433`, `0x7f.1` and `0177.0.0.1` are addresses to some programs and names to others: refused.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        last = host.rsplit(".", 1)[-1]
        if not _HOST.match(host) or ".." in host or _NUMBER.match(last):
            raise Refused(f"'{host[:100]}' is not a host name. Write it as in logs.example.com.") from None


def split_url(url: str) -> tuple[str, int]:
    """(host, port) of an https address. Raises `Refused`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        raise Refused("This is not an address. Write it as in https://logs.example.com/path.") from None
    if parts.scheme != "https" or not host or parts.username is not None or parts.password is not None:
        raise Refused("The address must begin with https:// and name no user.")
    if parts.fragment or any(character <= " " or character == "\\" for character in url):
        raise Refused("The address must have no spaces and no fragment.")
    check_host(host)
    return host, port


def tls_context(ca_pem: str = "", *, client: tuple[str, str] | None = None) -> ssl.SSLContext:
    """TLS 1.2 or newer against the given authority, or the system's. `client`: files of a certificate and its key."""
    context = ssl.create_default_context(cadata=ca_pem or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if client is not None:
        context.load_cert_chain(*client)
    return context


def pinned(base: type[HTTPSConnection], guard: Guard) -> type[HTTPSConnection]:
    """The connection class of a client library, which connects through `guard`."""

    class Pinned(base):  # type: ignore[misc, valid-type]  # the base is a parameter
        def _new_conn(self) -> socket.socket:
            timeout = self.timeout if isinstance(self.timeout, int | float) else CONNECT_SECONDS
            try:
                return guard.connect(self.host.strip("[]"), self.port, timeout)
            except TimeoutError as error:
                raise ConnectTimeoutError(self, "connecting took too long") from error
            except OSError as error:
                raise NewConnectionError(self, str(error)) from error

    return Pinned


def pool_classes(guard: Guard, base: type[HTTPSConnection] = HTTPSConnection) -> dict[str, Any]:
    """`pool_classes_by_scheme` of a urllib3 PoolManager: https through the guard, and no other scheme."""

    class PinnedPool(HTTPSConnectionPool):
        ConnectionCls = pinned(base, guard)

    return {"https": PinnedPool}


def http_pool(guard: Guard, ca_pem: str = "") -> urllib3.PoolManager:
    """For plain HTTPS requests: no redirects unless the caller asks, no retries."""
    pool = urllib3.PoolManager(
        ssl_context=tls_context(ca_pem),
        retries=False,
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
    )
    pool.pool_classes_by_scheme = pool_classes(guard)
    return pool


def post(pool: urllib3.PoolManager, url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """POST, and the status of the answer, whose body nobody sees. Raises `urllib3.exceptions.HTTPError`, `Refused`."""
    split_url(url)
    answer = pool.request("POST", url, body=body, headers=dict(headers), redirect=False, preload_content=False)
    answer.close()  # with its body unread, however long or slow that would be
    return int(answer.status)


def _meant(address: Address) -> Address:
    """The IPv4 address inside an IPv4-mapped one."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _embeds(address: Address) -> bool:
    """Whether it leads to some IPv4 address that we would have to judge: 6to4, Teredo, NAT64."""
    if not isinstance(address, ipaddress.IPv6Address):
        return False
    if address.sixtofour is not None or address.teredo is not None:
        return True
    return any(address in network for network in _TRANSLATED)
