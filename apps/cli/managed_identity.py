"""A managed identity for programs on this machine, in the two forms that Azure's SDKs know.

App Service: `IDENTITY_ENDPOINT` with the secret `IDENTITY_HEADER`, which only programs with that environment know.
Instance metadata service (IMDS): without a secret, so every program on the machine gets a token. Source:
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
"""

import hmac
import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .errors import CliError, ExitCode

LOOPBACK = "127.0.0.1"
APP_SERVICE_PATH = "/msi/token"
IMDS_PATH = "/metadata/identity/oauth2/token"
_HOSTS = {LOOPBACK, "localhost", "169.254.169.254"}  # the last one where the machine redirects it to here
_RENEW_SECONDS = 360  # before the end: the SDKs ask again for a token that ends within 300 seconds
_LAST_SECONDS = 60  # what a token must still have, to be given while the authority does not answer
_PAUSE_SECONDS = 5  # in which a failure is the answer to everybody
_CONNECTIONS = 64
_IDENTITIES = ("object_id", "principal_id", "mi_res_id", "msi_res_id")  # names that only Azure can resolve
_STATUSES = {ExitCode.UNAVAILABLE: 503, ExitCode.NOT_SIGNED_IN: 401}


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `expires`: epoch seconds."""

    value: str = field(repr=False)
    expires: float


class TokenCache:
    """One token for all programs, fetched again shortly before it expires."""

    def __init__(self, fetch: Callable[[], Token]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._failure: CliError | None = None
        self._failed = 0.0

    def get(self) -> Token:
        """A token that is valid for some minutes; for less while there is no other. Raises `CliError`."""
        with self._lock:
            token = self._token
            if token is not None and time.time() < token.expires - _RENEW_SECONDS:
                return token
            if self._failure is None or time.monotonic() > self._failed + _PAUSE_SECONDS:
                self._renew()
            if self._failure is None and self._token is not None:
                return self._token
            unavailable = self._failure is not None and self._failure.code == ExitCode.UNAVAILABLE
            if token is not None and unavailable and time.time() < token.expires - _LAST_SECONDS:
                return token
            raise self._failure or CliError("There is no token.")

    def _renew(self) -> None:
        try:
            self._token, self._failure = self._fetch(), None
        except CliError as error:
            self._failure, self._failed = error, time.monotonic()


@dataclass(frozen=True, slots=True)
class ManagedIdentity:
    """Answers requests for tokens. `resource`: the address of all vaults. `imds`: answers without the secret too."""

    tokens: TokenCache
    secret: str = field(repr=False)
    resource: str
    client_id: str
    imds: bool = False

    def answer(self, target: str, headers: Message) -> tuple[int, dict[str, str]]:
        """(status, body) for a path with its query."""
        try:
            parts = urllib.parse.urlsplit(target)
            query = dict(urllib.parse.parse_qsl(parts.query))
            host = urllib.parse.urlsplit(f"//{headers.get('Host', '')}").hostname
        except ValueError:
            return _error(400, "invalid_request", "The request cannot be read.")
        return self._check(parts.path.rstrip("/"), host, headers) or self._token_for(query)

    def _check(self, path: str, host: str | None, headers: Message) -> tuple[int, dict[str, str]] | None:
        """The refusal of a request that no program of this machine's own sends; None to go on."""
        if host not in _HOSTS or headers.get("X-Forwarded-For") is not None:  # a browser, or a proxy that was tricked
            return _error(403, "access_denied", "Only programs on this machine get tokens here.")
        if path == APP_SERVICE_PATH:
            given = headers.get("X-IDENTITY-HEADER") or ""
            if hmac.compare_digest(given.encode("utf-8", "replace"), self.secret.encode()):
                return None
            return _error(401, "invalid_client", "The header X-IDENTITY-HEADER is missing or wrong.")
        if path == IMDS_PATH and self.imds:
            if (headers.get("Metadata") or "").lower() == "true":
                return None
            return _error(400, "invalid_request", "The header Metadata: true is missing.")
        return _error(404, "not_found", "There is nothing at this address.")

    def _token_for(self, query: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        asked = query.get("resource", "")
        without_port = f"https://{urllib.parse.urlsplit(self.resource).hostname}"
        if asked.lower().removesuffix("/") not in (self.resource, without_port):
            return _error(400, "invalid_resource", f"Tokens are for {self.resource} only.")
        if query.get("client_id", self.client_id).lower() != self.client_id.lower() or set(_IDENTITIES) & query.keys():
            return _error(400, "invalid_request", f"Identity not found. This machine's identity is {self.client_id}.")
        try:
            token = self.tokens.get()
        except CliError as error:
            return _error(_STATUSES.get(error.code, 500), "server_error", error.message)
        seconds = str(int(token.expires - time.time()))
        return 200, {
            "access_token": token.value,
            "client_id": self.client_id,
            "expires_in": seconds,
            "expires_on": str(int(token.expires)),
            "ext_expires_in": seconds,
            "not_before": str(int(time.time())),
            "resource": asked,
            "token_type": "Bearer",
        }


class IdentityServer(ThreadingHTTPServer):
    """Listens on the loopback address only."""

    daemon_threads = True

    def __init__(self, identity: ManagedIdentity, port: int) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.identity = identity
        self._places = threading.BoundedSemaphore(_CONNECTIONS)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Close a connection when there are too many."""
        del request, client_address
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a program that went away."""


class _Handler(BaseHTTPRequestHandler):
    server: IdentityServer
    server_version, sys_version = "portal-agent", ""
    timeout = 10  # seconds in which a request must arrive

    def do_GET(self) -> None:
        status, members = self.server.identity.answer(self.path, self.headers)
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Log nothing: requests and answers have secrets."""


def _error(status: int, code: str, text: str) -> tuple[int, dict[str, str]]:
    """An error in both forms: IMDS has the first two members, App Service the others."""
    return status, {"error": code, "error_description": text, "statusCode": str(status), "message": text}
