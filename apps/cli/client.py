"""The signed-in client: the stored session, or one from the environment for this command only."""

import base64
import os
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from . import session_store, tokens, urls
from .errors import CliError, ExitCode, not_signed_in
from .http_client import HttpClient, Response
from .session_store import Session
from .settings import Settings

AS_APPLICATION = "Sign in as an application that has a role in the vault: portal login --application"
_UNAVAILABLE = {429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Client:
    """A session with connections."""

    session: Session
    http: HttpClient

    def manage(self, method: str, *path: str, body: Any = None, query: dict[str, str] | None = None) -> Any:
        """A request of a person to the management API; the segments of the path are quoted. Raises `CliError`."""
        if self.session.kind != "person":
            raise not_signed_in("Applications cannot manage vaults. Sign in as a person: portal login")
        return self.request(
            method, f"{self.session.portal}/api/v1/{urls.quote_path(path)}{_encode(query)}", body
        ).json()

    def audit_url(self, path: str, query: dict[str, str] | None = None) -> str:
        """An address on the auditors' host."""
        base = os.environ.get("PORTAL_AUDIT_URL") or self.session.audit or urls.audit_url(self.session.portal)
        return f"{base.rstrip('/')}/api/v1/audit/{path}{_encode(query)}"

    def request(self, method: str, url: str, body: Any = None) -> Response:
        """A request with the session's token. Raises `CliError` unless it succeeds."""
        response = self.http.request(method, url, headers=self._headers, body=body)
        raise_for_error(response)
        return response

    def pages(self, url: str, link: str) -> Iterator[dict[str, Any]]:
        """The pages of a list; the member `link` has the next one's address. Raises `CliError`."""
        while url:
            page = self.request("GET", url).json()
            yield page
            url = urls.next_page(url, page.get(link) or "")

    def stream(self, url: str) -> Iterator[bytes]:
        """The chunks of a long response. Raises `CliError` unless the request succeeds."""
        response, chunks = self.http.stream(url, headers=self._headers)
        raise_for_error(response)
        return chunks

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"{self.session.scheme} {self.session.token}"}


def client_of(ctx: typer.Context) -> Client:
    """The client of a command. Raises `CliError` when nobody is signed in."""
    return signed_in(ctx.obj)


def signed_in(settings: Settings) -> Client:
    """The client for these settings. Raises `CliError` when nobody is signed in."""
    stored = session_store.load(settings.profile)
    http = HttpClient(settings.ca or (stored.ca if stored else ""), settings.timeout)
    if stored and stored.is_valid:
        return Client(stored, http)
    if stored and stored.kind == "person":
        raise not_signed_in("Your session has expired. Sign in again: portal login")
    session = _session_from_environment(http, stored)
    if session:
        return Client(session, http)
    if stored:
        raise not_signed_in("The application's session has expired. Sign in again: portal login --application")
    raise not_signed_in("You are not signed in. For people: portal login. For applications: portal login --application")


def _session_from_environment(http: HttpClient, stored: Session | None) -> Session | None:
    """AZURE_CLIENT_ID and AZURE_CLIENT_SECRET get a token; PORTAL_USERNAME and PORTAL_PASSWORD are for demos."""
    secret, client_id = os.environ.get("AZURE_CLIENT_SECRET", ""), os.environ.get("AZURE_CLIENT_ID", "")
    username, password = os.environ.get("PORTAL_USERNAME", ""), os.environ.get("PORTAL_PASSWORD", "")
    portal = stored.portal if stored else tokens.portal_from_environment()
    if username and password and portal and stored is None:
        basic = base64.b64encode(f"{username}:{password}".encode()).decode()
        return Session("person", portal, username, basic, float("inf"), scheme="Basic")
    if not (secret and client_id and portal) or (stored and stored.client_id != client_id):
        return None
    tenant = stored.tenant if stored else os.environ.get("AZURE_TENANT_ID", "")
    return tokens.sign_in_application(http, portal=portal, tenant=tenant, client_id=client_id, secret=secret)


def raise_for_error(response: Response) -> None:
    """Raise `CliError` unless the response is a success, with the service's own message."""
    if response.status < 300:
        return
    if response.status < 400:
        raise not_signed_in("The portal needs you to sign in with the browser first. Then repeat the command.")
    code, message = _error_of(response)
    text = " ".join(message.split()) or f"The service responded with status {response.status}."
    request_id = response.headers.get("x-ms-request-id", "")
    codes = {401: ExitCode.NOT_SIGNED_IN, 404: ExitCode.NOT_FOUND} | dict.fromkeys(_UNAVAILABLE, ExitCode.UNAVAILABLE)
    raise CliError(
        text + _hint(response.status, code, request_id),
        codes.get(response.status, ExitCode.FAILED),
        error_code=code,
        request_id=request_id,
    )


def _error_of(response: Response) -> tuple[str, str]:
    """(code, message) of an error, in the format of the vaults or of OAuth (RFC 6749 section 5.2)."""
    try:
        body = response.json()
    except CliError:
        body = None
    body = body if isinstance(body, dict) else {}
    error = body.get("error")
    if isinstance(error, dict):
        return str(error.get("code", "")), str(error.get("message", ""))
    return str(error or ""), str(body.get("error_description", ""))


def _hint(status: int, code: str, request_id: str) -> str:
    if status == 401:
        return " Sign in again: portal login"
    if status == 429:
        return " Try again shortly."
    if code == "ProofNeeded":
        return " Run `portal login` again; the confirmation is valid for five minutes."
    if status == 403 and request_id:
        return f" Why: portal explain {request_id}"
    return f" (request {request_id})" if request_id else ""


def _encode(query: dict[str, str] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value != ""}
    return "?" + urllib.parse.urlencode(given) if given else ""
