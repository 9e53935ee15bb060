"""`portal login`, `logout`, `whoami`, `explain`."""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from . import session_store, tokens, urls
from .client import Client, client_of, raise_for_error
from .errors import CliError, ExitCode, not_signed_in, usage_error
from .http_client import HttpClient
from .options import argument, option
from .output import print_message, print_object, print_result, sanitize_text
from .session_store import Session
from .settings import Settings

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"  # RFC 8628 section 3.4
_SLOW_DOWN = 5  # seconds that `slow_down` adds to the interval (section 3.5)


def login(
    ctx: typer.Context,
    portal: Annotated[
        str, option("--portal", envvar="PORTAL_URL", text="for example https://portal.vault.example")
    ] = "",
    application: Annotated[
        bool, typer.Option("--application", help="sign in as an application instead of a person")
    ] = False,
    tenant: Annotated[str, option("--tenant", envvar="AZURE_TENANT_ID", text="default: the service's tenant")] = "",
    client_id: Annotated[str, option("--client-id", envvar="AZURE_CLIENT_ID", text="the application's")] = "",
    audit: Annotated[
        str, option("--audit", envvar="PORTAL_AUDIT_URL", text="the auditors' address; default: as the service says")
    ] = "",
    open_: Annotated[bool, typer.Option("--open", help="open the address in the browser")] = False,
) -> None:
    """Sign in. A person confirms in the browser; an application uses AZURE_CLIENT_SECRET, or a prompt."""
    settings: Settings = ctx.obj
    stored = session_store.load(settings.profile)
    address = urls.parse_portal_url(portal) if portal else tokens.portal_from_environment()
    address = address or (stored.portal if stored else "")
    if not address:
        raise usage_error("Specify the portal's address once: portal login --portal https://portal.vault.example")
    stored_ca = stored.ca if stored and stored.portal == address else ""
    ca = str(Path(settings.ca).resolve()) if settings.ca else stored_ca
    http = HttpClient(ca)
    if application:
        client_id = client_id or _prompt("Client ID", hidden=False)
        secret = os.environ.get("AZURE_CLIENT_SECRET") or _prompt("Client secret", hidden=True)
        session = tokens.sign_in_application(
            http, portal=address, tenant=tenant, client_id=client_id, secret=secret, ca=ca, audit=audit
        )
    else:
        session = _sign_in_person(http, address, ca=ca, audit=audit, in_browser=open_)
    session_store.save(session, settings.profile)
    members = _public_members(session)
    print_result(f"Signed in as {sanitize_text(session.name)} until {members['until']}.", **members)


def logout(ctx: typer.Context) -> None:
    """Sign out: a person's token is revoked, and the stored session is deleted."""
    settings: Settings = ctx.obj
    try:
        stored = session_store.load(settings.profile, for_logout=True)
    except CliError:
        stored = None
    deleted = session_store.delete(settings.profile)
    if stored and stored.kind == "person" and stored.is_valid:
        try:
            Client(stored, HttpClient(settings.ca or stored.ca)).manage("DELETE", "tokens", stored.token_id)
        except CliError as error:
            text = f"The stored session is deleted, but its token could not be revoked: {error.message}"
            raise CliError(f"{text} Revoke it in the portal, under Sessions.", error.code) from None
    print_result("Signed out." if deleted else "You were not signed in.", signed_out=deleted)


def whoami(ctx: typer.Context) -> None:
    """Show who is signed in, with which role, and until when."""
    client = client_of(ctx)
    members = _public_members(client.session)
    if client.session.kind == "person":
        person = client.manage("GET", "whoami")
        members |= {"name": person["name"], "duty": person["duty"], "tenant": person["tenant_id"]}
    print_object(members)


def explain(ctx: typer.Context, request_id: Annotated[str, argument("the response's x-ms-request-id")]) -> None:
    """Explain why a request was denied, which role is missing, and who can assign it."""
    if not all(c in "0123456789abcdefABCDEF-" for c in request_id):
        raise usage_error("A request ID consists of hexadecimal digits and hyphens.")
    print_object(client_of(ctx).manage("GET", "explain", request_id))


def _sign_in_person(http: HttpClient, portal: str, *, ca: str, audit: str, in_browser: bool) -> Session:
    """The device flow (RFC 8628): the person confirms in a browser, with their second factor."""
    response = http.request("POST", f"{portal}/api/v1/device", form={"label": f"portal on {os.uname().nodename}"})
    if response.status == 404:
        raise CliError(f"{portal} does not offer a sign-in for the command line.", ExitCode.NOT_FOUND)
    raise_for_error(response)
    device: dict[str, Any] = response.json()
    _show_code(portal, device, in_browser=in_browser)
    token = _poll(http, portal, device)
    session = Session(
        kind="person",
        portal=portal,
        name=token["name"],
        token=token["access_token"],
        expires=time.time() + float(token["expires_in"]),
        ca=ca,
        audit=audit or urls.trusted_audit_url(portal, str(token.get("audit", ""))),
        duty=token["duty"],
        token_id=token["token_id"],
    )
    if not session.is_valid:
        raise CliError("The new token has already expired. Check this machine's clock.")
    return session


def _show_code(portal: str, device: dict[str, Any], *, in_browser: bool) -> None:
    address, code = sanitize_text(str(device["verification_uri"])), sanitize_text(str(device["user_code"]))
    complete = str(device["verification_uri_complete"])
    print_message(f"Open {address} in a browser and enter this code:\n\n    {code}\n")
    print_message(f"Or open {sanitize_text(complete)}\nWaiting for your confirmation (Ctrl-C to cancel) ...")
    sys.stderr.flush()
    if in_browser:
        import webbrowser  # noqa: PLC0415  rarely used, and slow to load

        if not complete.startswith(f"{portal}/"):
            raise CliError("The service's sign-in address is on another host. It is not opened; check it first.")
        webbrowser.open(complete)


def _poll(http: HttpClient, portal: str, device: dict[str, Any]) -> dict[str, Any]:
    interval, deadline = float(device.get("interval", 5)), time.monotonic() + float(device["expires_in"])
    form = {"grant_type": _GRANT, "device_code": device["device_code"]}
    while time.monotonic() < deadline:
        time.sleep(interval)
        response = http.request("POST", f"{portal}/api/v1/device/token", form=form)
        body: dict[str, Any] = response.json() or {}
        if response.status == 200:
            return body
        error = body.get("error", "")
        if error == "slow_down":
            interval += _SLOW_DOWN
        elif error == "access_denied":
            raise not_signed_in("The sign-in was rejected in the browser.")
        elif error != "authorization_pending" and response.status not in {429, 503}:
            break
    raise not_signed_in("The sign-in was not confirmed in time. Start again: portal login")


def _prompt(label: str, *, hidden: bool) -> str:
    """From the terminal. Raises `CliError` if there is none."""
    if not sys.stdin.isatty():
        raise usage_error(f"{label} is missing: set AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.")
    return str(typer.prompt(label, hide_input=hidden, err=True))


def _public_members(session: Session) -> dict[str, Any]:
    """A session without its token."""
    is_temporary = session.expires == float("inf")
    until = "this command" if is_temporary else f"{datetime.fromtimestamp(session.expires, UTC):%Y-%m-%d %H:%M UTC}"
    members = {"name": session.name, "kind": session.kind, "portal": session.portal, "until": until}
    optional = {"duty": session.duty, "tenant": session.tenant}
    return members | {name: value for name, value in optional.items() if value}
