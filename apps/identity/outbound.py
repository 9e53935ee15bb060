"""Fetching a document from an address that somebody outside gave: by https, never from inside the network (SSRF).

The name is resolved once, every address of it must be a public one, and the connection goes to the address that was
looked at: a second answer of the name server changes nothing. No redirects, no proxies, bounded in time and size.
"""

import ipaddress
import json
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

import urllib3
from django.conf import settings

from apps.core.errors import BadRequest, Unavailable

_SECONDS = 4.0
_LARGEST = 512 * 1024


class BadAddress(BadRequest):
    """Not an https address that we would ask."""


class NoDocument(Unavailable):
    """The address gives no JSON object now."""


def check_address(url: str) -> None:
    """Raise `BadAddress` for what cannot be the address of a document: the form alone, nothing is resolved."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadAddress("This is no address.") from None
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password or port == 0 or not plain:
        raise BadAddress("An https address is needed, without user name and password.")
    if parts.query or parts.fragment:
        raise BadAddress("An https address without query and fragment is needed.")


def fetch_json(url: str) -> dict[str, Any]:
    """The JSON object at an address. Raises `BadAddress`, `NoDocument`."""
    check_address(url)
    parts = urlsplit(url)
    host, port = str(parts.hostname), parts.port or 443
    address = _public_address(host, port)
    context = ssl.create_default_context(cafile=settings.FEDERATION_CA_FILE or None)
    pool = urllib3.HTTPSConnectionPool(
        address,
        port,
        ssl_context=context,
        server_hostname=host,
        assert_hostname=host,
        retries=False,
        timeout=urllib3.Timeout(connect=_SECONDS, read=_SECONDS),
        headers={"Host": parts.netloc, "Accept": "application/json"},
    )
    try:
        answer = pool.request("GET", parts.path or "/", redirect=False, preload_content=False)
        data = _read(answer)
    except (urllib3.exceptions.HTTPError, OSError):
        raise NoDocument("The issuer does not answer. Try again shortly.") from None
    finally:
        pool.close()
    try:
        document = json.loads(data) if answer.status == 200 and len(data) <= _LARGEST else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise NoDocument("The issuer gave no usable document. Try again shortly.")
    return document


def _read(answer: urllib3.BaseHTTPResponse) -> bytes:
    """At most one byte more than is taken, in bounded time: the timeout above begins anew with each byte."""
    until, data = time.monotonic() + _SECONDS, b""
    try:
        while len(data) <= _LARGEST and (more := answer.read1(_LARGEST + 1 - len(data))):
            data += more
            if time.monotonic() > until:
                raise NoDocument("The issuer answers too slowly. Try again shortly.")
    finally:
        answer.close()
    return data


def _public_address(host: str, port: int) -> str:
    try:
        found = {str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise NoDocument("The issuer's name does not resolve.") from None
    if host not in settings.FEDERATION_INSIDE_HOSTS and not all(is_public(address) for address in found):
        raise BadAddress("The issuer's name leads inside this network. Nothing was asked there.")
    return min(found)


def is_public(address: str) -> bool:
    """Whether anybody on the Internet could ask it. What wraps an IPv4 address is judged by that."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified
