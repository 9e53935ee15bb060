"""Connections to addresses that people entered: public ones only (docs/reference/security-guarantees.md section 8).

A name is resolved once, all of its addresses are judged, and the connection goes to one of exactly those, while TLS
keeps to the name. A DNS answer that changes between look and connection (rebinding) therefore changes nothing. No
proxies, no redirects, bounded in time and size. Every client library that we use makes its connections here:
`http_pool` for urllib3, and those of a log's destinations (apps/workers/log_delivery/destinations).
"""

import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0
LARGEST_ANSWER = 512 * 1024  # bytes on the wire; what we ask for is much smaller
_SLOWEST = 16 * 1024  # bytes a second that the other side has to take
_TRIES = 3  # addresses of one name
_looking = threading.BoundedSemaphore(16)  # names at once; a name server that is silent keeps some of them for long

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)\Z")
# All that IPv6 gives to single hosts so far (RFC 4291 2.4). NAT64 and site-local addresses lie outside.
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Within what `is_global` calls global: protocol assignments (Teredo among them), 6to4 and its relays, documentation,
# and the address at which every machine in Azure finds its host.
_SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in ("2001::/23", "2002::/16", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")
)


class AddressRefused(ValueError):
    """We do not connect there. The sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Which networks inside, or whose addresses, are allowed all the same (`DELIVERY_ALLOW`)."""

    allowed: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, cidrs: Iterable[str]) -> "Guard":
        """Raises `ValueError` for what is no network."""
        return cls(tuple(ipaddress.ip_network(cidr.strip()) for cidr in cidrs if cidr.strip()))

    def permits(self, address: Address) -> bool:
        """Whether we connect to this address."""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self.allowed):
            return True
        if (address.version == 6 and address not in _UNICAST) or any(address in network for network in _SPECIAL):
            return False
        return address.is_global and not (address.is_multicast or address.is_reserved)

    def resolve(self, host: str, port: int, timeout: float = CONNECT_SECONDS) -> list[Address]:
        """The addresses of a host, all of them permitted. Raises `Refused`, `OSError` when there are none in time."""
        check_host(host)
        try:
            found = _look_up(host, port, timeout)
        except UnicodeError:  # a label longer than any name server takes
            raise OSError(f"{host} has no address") from None
        addresses = [ipaddress.ip_address(row[4][0]) for row in found]
        if host not in self.hosts and not all(self.permits(address) for address in addresses):
            raise AddressRefused(  # and does not say which address: whoever asks need not know names inside
                f"{host} is not at a public address. The operator must allow addresses inside your network "
                "(DELIVERY_ALLOW)."
            )
        return addresses

    def connect(self, host: str, port: int, timeout: float = CONNECT_SECONDS) -> socket.socket:
        """A connection to one of the addresses that were looked at. Raises `Refused`, `OSError`."""
        fault: OSError = OSError(f"{host} has no address")
        addresses = self.resolve(host, port, timeout)[:_TRIES]
        for address in addresses:
            try:
                found = socket.create_connection((str(address), port), timeout=timeout / len(addresses))
            except OSError as error:
                fault = error
            else:
                found.settimeout(timeout)
                return found
        raise fault


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """By a thread of its own, for `getaddrinfo` knows no deadline. Raises `TimeoutError`, `OSError`, `UnicodeError`."""
    if not _looking.acquire(blocking=False):
        raise OSError("too many names are being looked up")
    answer: queue.SimpleQueue[list[Any] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP))
        except (OSError, UnicodeError) as error:
            answer.put(error)
        finally:
            _looking.release()

    try:
        threading.Thread(target=ask, name="look-up", daemon=True).start()
    except RuntimeError as error:  # this process may have no more of them
        _looking.release()
        raise OSError(f"names cannot be looked up now: {error}") from None
    try:
        found = answer.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"the name server does not say where {host} is") from None
    if isinstance(found, OSError | UnicodeError):
        raise found
    return found


def check_host(host: str) -> None:
    """Raise `Refused` unless it is a name, or an address written in the one usual way.

    `2130706433`, `0x7f.1` and `0177.0.0.1` are addresses to some programs and names to others: refused.
    """
    try:
        ipaddress.ip_address(host)
        odd = "%" in host  # an interface of ours
    except ValueError:
        last = host.rsplit(".", 1)[-1]
        odd = not _HOST.match(host) or ".." in host or bool(_NUMBER.match(last))
    if odd:
        raise AddressRefused(f"'{host[:100]}' is not a host name. Write it as in logs.example.com.")


def split_url(url: str) -> tuple[str, int]:
    """(host, port) of an https address. Raises `Refused`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", 443 if parts.port is None else parts.port
    except ValueError:
        raise AddressRefused("This is not an address. Write it as in https://logs.example.com/path.") from None
    if parts.scheme != "https" or not host or parts.username is not None or parts.password is not None:
        raise AddressRefused("Enter an https:// address without user name.")
    if port == 0 or parts.fragment or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused(
            "The address must be of plain characters, without spaces and fragment, and its port not 0."
        )
    check_host(host)
    return host, port


class DeadlineSSLSocket(ssl.SSLSocket):
    """A timeout begins anew with each byte. Here it ends all that is answered to what was sent, as a limit does."""

    _until: float | None = None
    _left = 0

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Everything: a large object may take its time on a slow line, and nobody may take for ever."""
        seconds = self.gettimeout()
        self.settimeout(ANSWER_SECONDS + memoryview(data).nbytes / _SLOWEST)  # which OpenSSL keeps to as a whole
        try:
            super().sendall(data, flags)
        finally:
            self.settimeout(seconds)
        self._until = None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """A part of the answer. Raises `TimeoutError`, `OSError` for one that is too long."""
        if self._until is None:
            self._until, self._left = time.monotonic() + (self.gettimeout() or ANSWER_SECONDS), LARGEST_ANSWER
        count = super().recv_into(buffer, nbytes, flags)
        self._left -= count
        if self._left < 0:
            raise OSError("the answer is too long")
        if time.monotonic() > self._until:
            raise TimeoutError("the answer is too slow")
        return count


def tls_context(ca_pem: str = "", *, ca_file: str = "", client: tuple[str, str] | None = None) -> ssl.SSLContext:
    """TLS 1.2 or newer against the given authority, or the system's. `client`: files of a certificate and its key."""
    context = ssl.create_default_context(cafile=ca_file or None, cadata=ca_pem or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = DeadlineSSLSocket
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

        def getresponse(self) -> Any:
            answer = super().getresponse()
            answer.headers.discard("Content-Encoding")  # nothing unfolds to a thousand times its size
            return answer

    return Pinned


def pool_classes(guard: Guard, base: type[HTTPSConnection] = HTTPSConnection) -> dict[str, Any]:
    """`pool_classes_by_scheme` of a urllib3 PoolManager: https through the guard, and no other scheme."""

    class PinnedPool(HTTPSConnectionPool):
        ConnectionCls = pinned(base, guard)

    return {"https": PinnedPool}


def http_pool(guard: Guard, context: ssl.SSLContext, seconds: float = ANSWER_SECONDS) -> urllib3.PoolManager:
    """For plain HTTPS requests: no redirects, no retries."""
    timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
    pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=timeout)
    pool.pool_classes_by_scheme = pool_classes(guard)
    return pool


def get(pool: urllib3.PoolManager, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """(status, body). Raises `urllib3.exceptions.HTTPError`, `Refused`, `OSError`."""
    split_url(url)
    answer = pool.request("GET", url, headers=dict(headers), redirect=False, preload_content=False)
    try:
        return int(answer.status), answer.read()
    finally:
        answer.close()


def post(pool: urllib3.PoolManager, url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """POST, and the status of the answer, whose body nobody sees. Raises `urllib3.exceptions.HTTPError`, `Refused`."""
    split_url(url)
    answer = pool.request("POST", url, body=body, headers=dict(headers), redirect=False, preload_content=False)
    answer.close()  # with its body unread, however long or slow that would be
    return int(answer.status)
