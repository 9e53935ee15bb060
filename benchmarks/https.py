"""The few HTTPS requests that prepare a measurement."""

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks.scenarios import WrongAnswer

_SECONDS = 75  # longer than the service waits for a key (apps/domain/hsm_client/client.py)


class Https:
    """One server, with the authority that vouches for it."""

    def __init__(self, url: str, *, authority: Path) -> None:
        self._url = url
        self._tls = ssl.create_default_context(cafile=str(authority))
        self.headers: dict[str, str] = {}  # with every request; a bearer token

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The JSON answer; empty if there is none. Raises `WrongAnswer`, `OSError`."""
        data = None if body is None else json.dumps(body).encode()
        return self._send(method, path, data, {"Content-Type": "application/json"})

    def post_form(self, path: str, fields: dict[str, str]) -> dict[str, Any]:
        """The JSON answer to a form. Raises `WrongAnswer`, `OSError`."""
        return self._send("POST", path, urlencode(fields).encode(), {})

    def _send(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(
            self._url + path, data=data, method=method, headers={**headers, **self.headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS, context=self._tls) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read(500).decode(errors="replace")
            raise WrongAnswer(f"{method} {self._url}{path} answered {error.code}: {text}") from None
        found: dict[str, Any] = json.loads(content) if content else {}
        return found
