"""Connections to addresses that people entered: public ones only (docs/reference/security-guarantees.md section 8).

A name is resolved once, all of its addresses are checked, and the connection goes to one of exactly those, while TLS
verifies the name. A DNS answer that changes in between (rebinding) therefore has no effect. No proxies, no redirects,
limited time and size. Every client library that we use connects through this module:
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
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from apps.core.pem import BadPem, read_pem

CONNECT_SECONDS, RESPONSE_SECONDS = 5.0, 10.0
MAX_RESPONSE_BYTES = 512 * 1024  # before decoding; the documents that we request are much smaller
_MIN_BYTES_PER_SECOND = 16 * 1024  # that the other side has to accept
_MAX_ADDRESSES = 3  # tried for one name
_lookups = threading.BoundedSemaphore(16)  # at once; a silent name server blocks some of them for long

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)\Z")
# All IPv6 unicast addresses so far (RFC 4291 2.4). NAT64 and site-local addresses lie outside.
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Networks that `is_global` counts as global: protocol assignments (also Teredo), 6to4 and its relays, documentation,
# and the address of the host of every virtual machine in Azure.
_SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in ("2001::/23", "2002::/16", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")
)


class AddressRefused(ValueError):
    """The address is not allowed. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Guard:
    """The internal networks and hosts that are allowed as exceptions (`DELIVERY_ALLOW`)."""

    allowed: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, cidrs: Iterable[str]) -> "Guard":
        """Parse networks. Raises `ValueError`."""
        return cls(tuple(ipaddress.ip_network(cidr.strip()) for cidr in cidrs if cidr.strip()))

    def permits(self, address: Address) -> bool:
        """Tell whether the address is allowed."""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if any(address in network for network in self.allowed):
            return True
        if (address.version == 6 and address not in _UNICAST) or any(address in network for network in _SPECIAL):
            return False
        return address.is_global and not (address.is_multicast or address.is_reserved)

    def resolve(self, host: str, port: int, timeout: float = CONNECT_SECONDS) -> list[Address]:
        """Resolve a host, all of whose addresses must be allowed. Raises `AddressRefused`, `OSError`."""
        check_host(host)
        try:
            rows = _look_up(host, port, timeout)
        except UnicodeError:  # a label longer than any name server takes
            raise OSError(f"{host} has no address") from None
        addresses = [ipaddress.ip_address(row[4][0]) for row in rows]
        if host not in self.hosts and not all(self.permits(address) for address in addresses):
            raise AddressRefused(  # without the address: the caller must not learn internal names
                f"{host} is not at a public address. The operator must allow addresses inside your network "
                "(DELIVERY_ALLOW)."
            )
        return addresses

    def connect(self, host: str, port: int, timeout: float = CONNECT_SECONDS) -> socket.socket:
        """Connect to one of the checked addresses. Raises `AddressRefused`, `OSError`."""
        last_error: OSError = OSError(f"{host} has no address")
        addresses = self.resolve(host, port, timeout)[:_MAX_ADDRESSES]
        for address in addresses:
            try:
                connection = socket.create_connection((str(address), port), timeout=timeout / len(addresses))
            except OSError as error:
                last_error = error
            else:
                connection.settimeout(timeout)
                return connection
        raise last_error


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """Resolve in a thread: `getaddrinfo` has no timeout. Raises `TimeoutError`, `OSError`, `UnicodeError`."""
    if not _lookups.acquire(blocking=False):
        raise OSError("too many names are being looked up")
    answer: queue.SimpleQueue[list[Any] | OSError | UnicodeError] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            answer.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP))
        except (OSError, UnicodeError) as error:
            answer.put(error)
        finally:
            _lookups.release()

    try:
        threading.Thread(target=resolve, name="look-up", daemon=True).start()
    except RuntimeError as error:  # no more threads for this process
        _lookups.release()
        raise OSError(f"names cannot be looked up now: {error}") from None
    try:
        result = answer.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"the name server does not say where {host} is") from None
    if isinstance(result, OSError | UnicodeError):
        raise result
    return result


def check_host(host: str) -> None:
    """Raise `AddressRefused` unless it is a name, or an address in its usual form.

    `2130706433`, `0x7f.1` and `0177.0.0.1` are addresses to some programs and names to others, so they are rejected.
    """
    try:
        ipaddress.ip_address(host)
        invalid = "%" in host  # a network interface of this machine
    except ValueError:
        last = host.rsplit(".", 1)[-1]
        invalid = not _HOST.match(host) or ".." in host or bool(_NUMBER.match(last))
    if invalid:
        raise AddressRefused(f"'{host[:100]}' is not a host name. Write it like logs.example.com.")


def split_url(url: str) -> tuple[str, int]:
    """Split an https address into host and port. Raises `AddressRefused`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", 443 if parts.port is None else parts.port
    except ValueError:
        raise AddressRefused("This is not an address. Write it like https://logs.example.com/path.") from None
    if parts.scheme != "https" or not host or parts.username is not None or parts.password is not None:
        raise AddressRefused("Enter an https:// address without a user name.")
    if port == 0 or parts.fragment or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused(
            "The address must be of plain characters, without spaces and fragment, and its port not 0."
        )
    check_host(host)
    return host, port


class DeadlineSSLSocket(ssl.SSLSocket):
    """A TLS socket whose timeout and size limit hold for a whole response, not for each read."""

    _until: float | None = None
    _left = 0

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all data, in a time that depends on its size."""
        seconds = self.gettimeout()
        self.settimeout(
            RESPONSE_SECONDS + memoryview(data).nbytes / _MIN_BYTES_PER_SECOND
        )  # OpenSSL applies it to the whole call
        try:
            super().sendall(data, flags)
        finally:
            self.settimeout(seconds)
        self._until = None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Read a part of the response. Raises `TimeoutError`, and `OSError` for one that is too long."""
        if self._until is None:
            self._until, self._left = time.monotonic() + (self.gettimeout() or RESPONSE_SECONDS), MAX_RESPONSE_BYTES
        count = super().recv_into(buffer, nbytes, flags)
        self._left -= count
        if self._left < 0:
            raise OSError("the answer is too long")
        if time.monotonic() > self._until:
            raise TimeoutError("the answer is too slow")
        return count


def tls_context(ca_pem: str = "", *, ca_file: str = "", client: tuple[str, str] | None = None) -> ssl.SSLContext:
    """Make a TLS context (1.2 or newer) for an authority, or the system's. `client`: certificate and key files.

    Raises `ValueError` or `ssl.SSLError` for an authority that is not PEM.
    """
    authorities = b"".join(block.text() for block in read_pem(ca_pem.encode())).decode("ascii")
    if ca_pem and not authorities:
        raise BadPem("The authority has no certificate in PEM.")
    context = ssl.create_default_context(cafile=ca_file or None, cadata=authorities or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = DeadlineSSLSocket
    if client is not None:
        context.load_cert_chain(*client)
    return context


def pinned(base: type[HTTPSConnection], guard: Guard) -> type[HTTPSConnection]:
    """Make a connection class that connects through `guard`."""

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
            response = super().getresponse()
            response.headers.discard("Content-Encoding")  # no decompression bombs
            return response

    return Pinned


def pool_classes(guard: Guard, base: type[HTTPSConnection] = HTTPSConnection) -> dict[str, Any]:
    """Make `pool_classes_by_scheme` of a urllib3 PoolManager: https through the guard, and no other scheme."""

    class PinnedPool(HTTPSConnectionPool):
        ConnectionCls = pinned(base, guard)

    return {"https": PinnedPool}


def http_pool(guard: Guard, context: ssl.SSLContext, seconds: float = RESPONSE_SECONDS) -> urllib3.PoolManager:
    """Make a pool for plain HTTPS requests: no redirects, no retries."""
    timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
    pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=timeout)
    pool.pool_classes_by_scheme = pool_classes(guard)
    return pool


class Answer(NamedTuple):
    """An answer with its body, of at most `MAX_RESPONSE_BYTES`."""

    status: int
    headers: Mapping[str, str]  # names compare without case
    body: bytes


def exchange(pool: urllib3.PoolManager, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send a request, read the answer, and keep the connection for the next one. Raises as `get` does."""
    split_url(url)
    response = pool.request(method, url, body=body, headers=dict(headers), redirect=False, preload_content=False)
    try:
        answer = Answer(int(response.status), response.headers, response.read())
    except BaseException:
        response.close()
        raise
    response.release_conn()
    return answer


def get(pool: urllib3.PoolManager, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """GET; return (status, body). Raises `urllib3.exceptions.HTTPError`, `AddressRefused`, `OSError`."""
    split_url(url)
    answer = pool.request("GET", url, headers=dict(headers), redirect=False, preload_content=False)
    try:
        return int(answer.status), answer.read()
    finally:
        answer.close()


def post(pool: urllib3.PoolManager, url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """POST; return the status and discard the body. Raises `urllib3.exceptions.HTTPError`, `AddressRefused`."""
    split_url(url)
    answer = pool.request("POST", url, body=body, headers=dict(headers), redirect=False, preload_content=False)
    answer.close()  # without reading the body, which may be long or slow
    return int(answer.status)
