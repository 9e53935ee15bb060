"""Forwarding of the portals' requests to the portal process, over its Unix socket (docs/decisions/0028).

Each request has a connection of its own. The request is complete before it is forwarded, and only processes of this
account can connect, so the portal process believes the address that comes with it.
"""

import http.client
import socket
import string
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from apps.core.busy import Busy
from apps.interfaces.http_server.front import WsgiApplication

_SECONDS = 75.0  # as long as a caller waits (apps/interfaces/http_server/connections.py)
_CHUNK = 64 * 1024
_ADDRESS = "HTTP_X_FORWARDED_FOR"  # of the caller; whatever the caller wrote there is replaced
# Of one connection (RFC 9110 section 7.6.1), and what each server adds itself.
_NOT_FORWARDED = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "expect"})
_SERVERS_OWN = frozenset({"date", "server"})
_PATH, _QUERY = "/:@!$&'()*+,;=~-._", string.punctuation  # what stays as it is in an address
_UNAVAILABLE = "The portal is starting. Check whether your last change was made, and try again in a few seconds."


class Forwarder:
    """A WSGI application that asks another process. Raises `Busy` when it does not answer."""

    def __init__(self, socket_path: Path) -> None:
        self._socket_path = socket_path

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        connection = _Connection(self._socket_path)
        try:
            answer = _ask(connection, environ)
        except (OSError, http.client.HTTPException):
            connection.close()
            raise Busy(_UNAVAILABLE) from None
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _SERVERS_OWN]
        headers = [(name, value) for name, value in headers if name.lower() not in _NOT_FORWARDED]
        start_response(f"{answer.status} {answer.reason}", headers)
        if answer.length is None and answer.chunked:
            return _stream(answer, connection)
        with connection:
            return [answer.read()]


def with_forwarded_address(application: WsgiApplication) -> WsgiApplication:
    """Wrap the application of the portal process: it sees the address and the scheme of the caller's connection.

    Over TCP nothing is believed: granian names no address for the peer of a Unix socket only.
    """

    def run(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        forwarded = environ.pop(_ADDRESS, "")
        if not environ.get("REMOTE_ADDR"):
            environ["REMOTE_ADDR"], environ["wsgi.url_scheme"] = forwarded, "https"
        return application(environ, start_response)

    return run


class _Connection(http.client.HTTPConnection):
    def __init__(self, socket_path: Path) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._socket_path = socket_path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_SECONDS)
        self.sock.connect(str(self._socket_path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ask(connection: _Connection, environ: Mapping[str, Any]) -> http.client.HTTPResponse:
    path = quote(str(environ["PATH_INFO"]).encode("latin-1"), safe=_PATH)
    query = quote(str(environ.get("QUERY_STRING", "")).encode("latin-1"), safe=_QUERY)
    target = f"{path}?{query}" if query else path
    connection.putrequest(str(environ["REQUEST_METHOD"]), target, skip_host=True, skip_accept_encoding=True)
    for name, value in _headers(environ):
        connection.putheader(name, value)
    body = environ["wsgi.input"].read()
    connection.putheader("X-Forwarded-For", str(environ.get("REMOTE_ADDR", "")))
    connection.putheader("Content-Length", str(len(body)))
    connection.putheader("Connection", "close")
    connection.endheaders(body)
    return connection.getresponse()


def _headers(environ: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The caller's headers, but for those that are about the connection or that we set."""
    for key, value in environ.items():
        if key == "CONTENT_TYPE" or (key.startswith("HTTP_") and key != _ADDRESS):
            name = key.removeprefix("HTTP_").replace("_", "-").title()
            if name.lower() not in _NOT_FORWARDED:
                yield name, str(value).encode("latin-1")


def _stream(answer: http.client.HTTPResponse, connection: _Connection) -> Iterator[bytes]:
    with connection:
        while part := answer.read1(_CHUNK):
            yield part
