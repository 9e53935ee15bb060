"""Who acts, with the connection: the kept sign-in, or one made from the environment for this command alone."""

import base64
import os
import urllib.parse
from dataclasses import dataclass
from typing import Any

from . import keeping, places, tokens
from .keeping import Session
from .problems import Exit, Problem, not_signed_in
from .settings import Settings
from .wire import Answer, Wire

_CODES = {401: Exit.NOT_SIGNED_IN, 404: Exit.NOT_FOUND, 429: Exit.UNAVAILABLE, 502: Exit.UNAVAILABLE}
_CODES |= {503: Exit.UNAVAILABLE, 504: Exit.UNAVAILABLE, 500: Exit.UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class Client:
    """A session and a wire. `vault` and `manage` are the two APIs."""

    session: Session
    wire: Wire

    def manage(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The management API, for people. Raises `Problem`."""
        if self.session.kind != "person":
            raise not_signed_in("Applications do not manage vaults. Sign in as a person: portal login")
        return self._checked(method, f"{self.session.portal}/api/v1/{path}{_query(query)}", body)

    def vault(self, name: str, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The Key Vault API of a vault, for applications. Raises `Problem`."""
        return self.at(method, f"{places.vault_of(self.session.portal, name)}/{path}", body, **query)

    def at(self, method: str, url: str, body: Any = None, **query: str) -> Any:
        """The same by a whole address, of a next page for example. Raises `Problem` for another installation's."""
        if self.session.kind != "application":
            raise Problem(
                "People do not use the Key Vault API. "
                "Sign in as an application that has a role in the vault: portal login --application"
            )
        host = urllib.parse.urlsplit(url).netloc
        if not host.lower().removesuffix(":443").endswith("." + places.suffix_of(self.session.portal)):
            raise Problem(f"The vault's answer points to another host, {host}; it gets no token of ours.")
        joint = "&" if "?" in url else ""
        parts = _query({} if "api-version=" in url else {"api-version": tokens.API_VERSION, **query})
        return self._checked(method, url + (joint + parts.removeprefix("?") if joint else parts), body)

    def audit(self, path: str, **query: str) -> str:
        """An address at the auditors' host."""
        base = os.environ.get("PORTAL_AUDIT_URL") or self.session.audit or places.audit_of(self.session.portal)
        return f"{base.rstrip('/')}/api/v1/audit/{path}{_query(query)}"

    @property
    def headers(self) -> dict[str, str]:
        """Who asks."""
        return {"Authorization": f"{self.session.scheme} {self.session.token}"}

    def _checked(self, method: str, url: str, body: Any) -> Any:
        answer = self.wire.ask(method, url, headers=self.headers, body=body)
        check(answer)
        return answer.json()


def client_of(settings: Settings) -> Client:
    """The client of a command. Raises `Problem` when nobody has signed in."""
    kept = keeping.load(settings.profile)
    wire = Wire(settings.ca or (kept.ca if kept else ""), settings.seconds)
    if kept and kept.alive:
        return Client(kept, wire)
    if kept and kept.kind == "person":
        raise not_signed_in("Your sign-in has run out. Sign in again: portal login")
    made = _from_environment(wire, kept)
    if made:
        return Client(made, wire)
    if kept:
        raise not_signed_in("The application's token has run out. Sign in again: portal login --application")
    raise not_signed_in("Nobody has signed in. For people: portal login. For programs: portal login --application")


def _from_environment(wire: Wire, kept: Session | None) -> Session | None:
    """AZURE_CLIENT_ID and so on make a token for this command; PORTAL_USERNAME and PORTAL_PASSWORD serve demos."""
    secret, client_id = os.environ.get("AZURE_CLIENT_SECRET", ""), os.environ.get("AZURE_CLIENT_ID", "")
    username, password = os.environ.get("PORTAL_USERNAME", ""), os.environ.get("PORTAL_PASSWORD", "")
    portal = kept.portal if kept else tokens.portal_from_environment()
    if username and password and portal and kept is None:
        basic = base64.b64encode(f"{username}:{password}".encode()).decode()
        return Session("person", portal, username, basic, float("inf"), scheme="Basic")
    if not (secret and client_id and portal) or (kept and kept.client_id != client_id):
        return None
    tenant = kept.tenant if kept else os.environ.get("AZURE_TENANT_ID", "")
    return tokens.of_application(wire, portal=portal, tenant=tenant, client_id=client_id, secret=secret)


def check(answer: Answer) -> None:
    """Raise `Problem` for anything but success, with the service's own sentence."""
    if answer.status < 300:
        return
    if answer.status < 400:
        raise not_signed_in("The portal wants something of you in the browser first: sign in there, then repeat this.")
    code, message = _told(answer)
    text = " ".join(str(message).split()) or f"The service answered {answer.status}."
    number = answer.headers.get("x-ms-request-id", "")
    kind = _CODES.get(answer.status, Exit.REFUSED)
    raise Problem(text + _hint(answer.status, code, number), kind, error_code=code, request_id=number)


def _told(answer: Answer) -> tuple[str, str]:
    """Code and sentence of a refusal: in the shape of the vaults, or in that of OAuth (RFC 6749 section 5.2)."""
    try:
        body = answer.json()
    except Problem:
        body = None
    body = body if isinstance(body, dict) else {}
    error = body.get("error")
    if isinstance(error, dict):
        return str(error.get("code", "")), str(error.get("message", ""))
    return str(error or ""), str(body.get("error_description", ""))


def _hint(status: int, code: str, number: str) -> str:
    if status == 401:
        return " Sign in again: portal login"
    if status == 429:
        return " Wait a little, then try again."
    if code == "ProofNeeded":
        return " At the command line: run `portal login` again; what it confirms is fresh for five minutes."
    if status == 403 and number:
        return f" Why: portal explain {number}"
    return f" (request {number})" if number else ""


def _query(query: dict[str, str]) -> str:
    given = {name.rstrip("_").replace("__", "-"): value for name, value in query.items() if value != ""}
    return "?" + urllib.parse.urlencode(given) if given else ""
