"""HTTPS, and what its failures mean to somebody at a terminal. The standard library only: it must start quickly."""

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
from .problems import Exit, Problem
from .settings import SECONDS

_CHUNK = 64 * 1024
_PATIENCE = 3  # how often a 429 is waited for
_LONGEST_WAIT = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    data: bytes = field(repr=False)

    def json(self) -> Any:
        """The body; None for an empty one. Raises `Problem` when it is no JSON: that is not our service."""
        if not self.data:
            return None
        try:
            return json.loads(self.data)
        except ValueError:
            raise Problem(
                "The answer is not one of a Vault Portal. Is the address right? (PORTAL_URL, --portal)"
            ) from None


class Wire:
    """Connections that believe one certificate authority."""

    def __init__(self, ca: str = "", seconds: float = SECONDS) -> None:
        self._seconds, self._patience = seconds, _PATIENCE if seconds == SECONDS else 0
        try:
            self._context = ssl.create_default_context(cafile=ca or None)
        except OSError as error:
            raise Problem(f"The certificate authority's file {ca} cannot be read: {error}.", Exit.USAGE) from None
        self._kept: dict[str, http.client.HTTPSConnection] = {}

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: Any = None,
        form: dict[str, str] | None = None,
    ) -> Answer:
        """One request; a 429 is waited for as the service says. Raises `Problem` when nobody answers."""
        for attempt in range(self._patience + 1):
            response = self._send(method, url, headers or {}, body, form)
            answer = Answer(response.status, response.headers, _read(response, url))
            if answer.status != 429 or attempt == self._patience or form is not None:
                break
            time.sleep(min(_LONGEST_WAIT, _seconds(answer.headers.get("Retry-After"))))
        return answer

    def stream(self, url: str, *, headers: dict[str, str]) -> tuple[Answer, Iterator[bytes]]:
        """A long answer, piece by piece. Where it is a refusal, the `Answer` has it whole."""
        response = self._send("GET", url, headers, None, None)
        if response.status != 200:
            return Answer(response.status, response.headers, _read(response, url)), iter(())
        return Answer(response.status, response.headers, b""), _pieces(response, url)

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: Any, form: dict[str, str] | None
    ) -> http.client.HTTPResponse:
        parts = _address(url)
        headers, data = _packed(method, headers, body, form)
        path = parts.path or "/"
        target = f"{path}?{parts.query}" if parts.query else path
        kept = self._kept.pop(parts.netloc, None) if method == "GET" else None
        try:
            fresh = http.client.HTTPSConnection(parts.netloc, context=self._context, timeout=self._seconds)
        except http.client.InvalidURL:
            raise _no_address(url) from None
        for connection in (kept, fresh):
            if connection is None:
                continue
            try:
                connection.request(method, target, body=data, headers=headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if connection is fresh:  # one that was kept had been closed while idle: a GET may be sent again
                    raise _away(parts.netloc, error) from None
            except UnicodeError:
                raise _no_address(url) from None
            else:
                self._kept[parts.netloc] = connection
                return response
        raise AssertionError  # the fresh one has answered or failed


def _packed(
    method: str, headers: dict[str, str], body: Any, form: dict[str, str] | None
) -> tuple[dict[str, str], bytes | None]:
    """Headers and body as they are sent."""
    headers = {"User-Agent": f"vaultportal-cli/{__version__}", "Accept": "application/json", **headers}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers, urllib.parse.urlencode(form).encode()
    if body is not None:
        headers["Content-Type"] = "application/json"
        return headers, json.dumps(body).encode()
    if method in {"POST", "PUT", "PATCH"}:
        headers["Content-Length"] = "0"
    return headers, None


def _address(url: str) -> urllib.parse.SplitResult:
    """Its parts. Raises `Problem`."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        raise _no_address(url) from None
    if parts.scheme != "https" or not parts.netloc:
        raise _no_address(url)
    return parts


def _no_address(url: str) -> Problem:
    return Problem(f"{url} is no https address.", Exit.USAGE)


def _read(response: http.client.HTTPResponse, url: str) -> bytes:
    return b"".join(_pieces(response, url))


def _pieces(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    try:
        while piece := response.read(_CHUNK):
            yield piece
    except (OSError, http.client.HTTPException) as error:
        raise _away(urllib.parse.urlsplit(url).netloc, error) from None


def _away(host: str, error: Exception) -> Problem:
    if isinstance(error, ssl.SSLCertVerificationError):
        text = (
            f"The certificate of {host} is not believed ({error.verify_message}). "
            "Name your certificate authority's file: --ca FILE, or PORTAL_CA."
        )
    elif isinstance(error, TimeoutError):
        text = f"{host} gave no answer within {SECONDS:.0f} seconds. Try again; what was asked may have happened."
    else:
        number = (isinstance(error, OSError) and error.errno) or 0
        told = (isinstance(error, OSError) and error.strerror) or str(error)
        reason = os.strerror(number) if number > 0 else told
        text = f"{host} cannot be reached ({reason or type(error).__name__}). Is it running, and the address right?"
    return Problem(text, Exit.UNAVAILABLE)


def _seconds(text: str | None) -> float:
    try:
        return max(0.1, float(text or 1))
    except ValueError:
        return 1.0
