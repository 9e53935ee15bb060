"""HTTPS, with errors in the user's terms. Uses only the standard library, so that the command line starts quickly."""

import http.client
import json
import os
import ssl
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import __version__
from .errors import CliError, ExitCode, usage_error
from .settings import TIMEOUT

_HEADERS = {"User-Agent": f"vaultportal-cli/{__version__}", "Accept": "application/json"}
_CHUNK = 64 * 1024
_RETRIES = 3  # of a request that was throttled (429)
_LONGEST_WAIT = 15.0


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response."""

    status: int
    headers: http.client.HTTPMessage
    data: bytes = field(repr=False)

    def json(self) -> Any:
        """The body; None for an empty one. Raises `CliError` for a body that is not JSON: this is another service."""
        if not self.data:
            return None
        try:
            return json.loads(self.data)
        except ValueError:
            raise CliError(
                "The response is not from a Vault Portal. Check the address (PORTAL_URL, --portal)."
            ) from None


class HttpClient:
    """Connections that trust one certificate authority. Redirects are not followed."""

    def __init__(self, ca: str = "", timeout: float = TIMEOUT) -> None:
        self._timeout, self._retries = timeout, _RETRIES if timeout == TIMEOUT else 0
        try:
            self._context = ssl.create_default_context(cafile=ca or None)
        except OSError as error:
            raise usage_error(f"The certificate authority file {ca} cannot be read: {error}.") from None
        self._connections: dict[str, http.client.HTTPSConnection] = {}

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: Any = None,
        form: dict[str, str] | None = None,
    ) -> Response:
        """One request; after a 429 it waits as long as the service asks. Raises `CliError` without a response."""
        headers, data = _encode(headers or {}, body, form)
        for attempt in range(self._retries + 1):
            received = self._send(method, url, headers, data)
            response = Response(received.status, received.headers, b"".join(_chunks(received, url)))
            if response.status != 429 or attempt == self._retries or form is not None:
                break
            time.sleep(min(_LONGEST_WAIT, _retry_after(response)))
        return response

    def stream(self, url: str, *, headers: dict[str, str]) -> tuple[Response, Iterator[bytes]]:
        """A long response in chunks. An error response is complete and has no chunks."""
        received = self._send("GET", url, headers)
        if received.status == 200:
            return Response(received.status, received.headers, b""), _chunks(received, url)
        return Response(received.status, received.headers, b"".join(_chunks(received, url))), iter(())

    def _send(
        self, method: str, url: str, headers: dict[str, str], data: bytes | None = None
    ) -> http.client.HTTPResponse:
        connection, target = self._connect(url)
        if method != "GET":
            connection.close()  # a request that cannot be repeated needs a new connection
        is_idle = connection.sock is not None
        try:
            connection.request(method, target, body=data, headers=_HEADERS | headers)
            return connection.getresponse()
        except UnicodeError:
            raise _invalid_url(url) from None
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if not is_idle:
                raise _unavailable(url, error) from None
        return self._send(method, url, headers, data)  # the server has closed the idle connection

    def _connect(self, url: str) -> tuple[http.client.HTTPSConnection, str]:
        """(connection, path and query); the connection opens itself when a request is sent. Raises `CliError`."""
        try:
            parts = urllib.parse.urlsplit(url)
            host = parts.netloc
            if host not in self._connections:
                connection = http.client.HTTPSConnection(host, context=self._context, timeout=self._timeout)
                self._connections[host] = connection
        except (ValueError, http.client.InvalidURL):
            raise _invalid_url(url) from None
        if parts.scheme != "https" or not host:
            raise _invalid_url(url)
        path = parts.path or "/"
        return self._connections[host], f"{path}?{parts.query}" if parts.query else path


def _encode(headers: dict[str, str], body: Any, form: dict[str, str] | None) -> tuple[dict[str, str], bytes | None]:
    if form is not None:
        return {**headers, "Content-Type": "application/x-www-form-urlencoded"}, urllib.parse.urlencode(form).encode()
    if body is not None:
        return {**headers, "Content-Type": "application/json"}, json.dumps(body).encode()
    return headers, None


def _chunks(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    try:
        while chunk := response.read(_CHUNK):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise _unavailable(url, error) from None


def _invalid_url(url: str) -> CliError:
    return usage_error(f"{url} is not an https address.")


def _unavailable(url: str, error: Exception) -> CliError:
    host = urllib.parse.urlsplit(url).netloc
    if isinstance(error, ssl.SSLCertVerificationError):
        text = (
            f"The certificate of {host} is not trusted ({error.verify_message}). "
            "Specify the file of your certificate authority: --ca FILE, or PORTAL_CA."
        )
    elif isinstance(error, TimeoutError):
        text = f"{host} did not respond within {TIMEOUT:.0f} seconds. The request may have been carried out."
    else:
        number = (isinstance(error, OSError) and error.errno) or 0
        reason = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or str(error)
        text = (
            f"{host} cannot be reached ({reason or type(error).__name__}). Check the address, and that it is running."
        )
    return CliError(text, ExitCode.UNAVAILABLE)


def _retry_after(response: Response) -> float:
    try:
        return max(0.1, float(response.headers.get("Retry-After") or 1))
    except ValueError:
        return 1.0
