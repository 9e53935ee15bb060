"""`portal login`, `logout`, `whoami`, `explain`: who one is here, and why something was refused."""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from . import keeping, places, tokens
from .client import Client, check, client_of
from .keeping import Session
from .options import Json
from .problems import Exit, Problem, not_signed_in
from .settings import Settings
from .showing import clean, document, done, note
from .wire import Wire

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"  # RFC 8628 section 3.4
_SLOWER = 5  # seconds more after `slow_down` (RFC 8628 section 3.5)

Portal = Annotated[
    str, typer.Option("--portal", envvar="PORTAL_URL", help="for example https://portal.vault.example", show_default="")
]
Application = Annotated[bool, typer.Option("--application", help="sign in a program instead of a person")]
Tenant = Annotated[
    str, typer.Option(envvar="AZURE_TENANT_ID", help="default: asked of the service", show_default=False)
]
ClientId = Annotated[str, typer.Option(envvar="AZURE_CLIENT_ID", help="the application's", show_default=False)]
Audit = Annotated[
    str,
    typer.Option(
        "--audit",
        envvar="PORTAL_AUDIT_URL",
        help="the auditors' address; default: asked of the service",
        show_default=False,
    ),
]
Open = Annotated[bool, typer.Option("--open", help="open the address in the browser")]


def login(
    ctx: typer.Context,
    portal: Portal = "",
    application: Application = False,
    tenant: Tenant = "",
    client_id: ClientId = "",
    audit: Audit = "",
    open_: Open = False,
    as_json: Json = False,
) -> None:
    """Sign in. A person confirms in the browser; an application gives AZURE_CLIENT_SECRET, or is asked for it."""
    settings: Settings = ctx.obj
    kept = keeping.load(settings.profile)
    where = places.portal_of(portal) if portal else (tokens.portal_from_environment() or (kept.portal if kept else ""))
    if not where:
        raise Problem(
            "Which portal? Give its address once: portal login --portal https://portal.vault.example", Exit.USAGE
        )
    ca = str(Path(settings.ca).resolve()) if settings.ca else (kept.ca if kept and kept.portal == where else "")
    wire = Wire(ca)
    if application:
        client_id = client_id or _ask("Client id", hidden=False)
        secret = os.environ.get("AZURE_CLIENT_SECRET") or _ask("Client secret", hidden=True)
        session = tokens.of_application(
            wire, portal=where, tenant=tenant, client_id=client_id, secret=secret, ca=ca, audit=audit
        )
    else:
        session = _person(wire, where, ca=ca, audit=audit, in_browser=open_)
    keeping.save(session, settings.profile)
    facts = _facts(session)
    done(f"Signed in as {clean(session.name)} until {facts['until']}.", as_json=as_json, **facts)


def logout(ctx: typer.Context, as_json: Json = False) -> None:
    """End the sign-in: a person's token is worth nothing from now on, and the file is removed."""
    settings: Settings = ctx.obj
    try:
        kept = keeping.load(settings.profile, to_end=True)
    except Problem:
        kept = None
    was = keeping.forget(settings.profile)
    if kept and kept.kind == "person" and kept.alive:
        try:
            Client(kept, Wire(settings.ca or kept.ca)).manage("DELETE", f"tokens/{kept.token_id}")
        except Problem as problem:
            text = f"The file is removed, but the token could not be ended: {problem.message}"
            raise Problem(f"{text} End it in the portal, under Sessions.", problem.code) from None
    done("Signed out." if was else "Nobody was signed in.", as_json=as_json, signed_out=was)


def whoami(ctx: typer.Context, as_json: Json = False) -> None:
    """Who has signed in, with which duty, and for how long."""
    client = client_of(ctx.obj)
    session, facts = client.session, _facts(client.session)
    if session.kind == "person":
        told = client.manage("GET", "whoami")
        facts |= {"name": told["name"], "duty": told["duty"], "tenant": told["tenant_id"]}
    document(facts, as_json=as_json)


def explain(
    ctx: typer.Context,
    request_id: Annotated[str, typer.Argument(help="from the answer's x-ms-request-id", show_default=False)],
    as_json: Json = False,
) -> None:
    """Why a request was refused, what is missing, and who can give it."""
    if not all(c in "0123456789abcdefABCDEF-" for c in request_id):
        raise Problem("A request id has hexadecimal digits and hyphens.", Exit.USAGE)
    told = client_of(ctx.obj).manage("GET", f"explain/{request_id}")
    document(told, as_json=as_json)


def _person(wire: Wire, portal: str, *, ca: str, audit: str, in_browser: bool) -> Session:
    """The device flow (RFC 8628): the person confirms in a browser, where their second factor is."""
    answer = wire.ask("POST", f"{portal}/api/v1/device", form={"label": f"portal on {os.uname().nodename}"})
    if answer.status == 404:
        raise Problem(f"{portal} offers no sign-in for the command line.", Exit.NOT_FOUND)
    check(answer)
    asked = answer.json()
    shown = {name: clean(str(asked[name])) for name in ("verification_uri", "user_code", "verification_uri_complete")}
    note(f"Open {shown['verification_uri']} in a browser and enter this code:\n\n    {shown['user_code']}\n")
    note(f"Or open {shown['verification_uri_complete']}\nWaiting for you to confirm (Ctrl-C to give up) ...")
    sys.stderr.flush()
    if in_browser:
        import webbrowser  # noqa: PLC0415  rarely wanted, and slow to load

        if not asked["verification_uri_complete"].startswith(f"{portal}/"):
            raise Problem("The service names an address that is not its own. It is not opened; look at what it is.")
        webbrowser.open(asked["verification_uri_complete"])
    told = _poll(wire, portal, asked)
    session = Session(
        kind="person",
        portal=portal,
        name=told["name"],
        token=told["access_token"],
        expires=time.time() + float(told["expires_in"]),
        ca=ca,
        audit=audit or places.audit_told(portal, str(told.get("audit", ""))),
        duty=told["duty"],
        token_id=told["token_id"],
    )
    if not session.alive:
        raise Problem("The token that came is over already. Is this machine's clock right?")
    return session


def _poll(wire: Wire, portal: str, asked: dict[str, Any]) -> dict[str, Any]:
    interval, until = float(asked.get("interval", 5)), time.monotonic() + float(asked["expires_in"])
    form = {"grant_type": _GRANT, "device_code": asked["device_code"]}
    while time.monotonic() < until:
        time.sleep(interval)
        answer = wire.ask("POST", f"{portal}/api/v1/device/token", form=form)
        body = answer.json() or {}
        if answer.status == 200:
            found: dict[str, Any] = body
            return found
        error = body.get("error", "")
        if error == "slow_down":
            interval += _SLOWER
        elif error == "access_denied":
            raise not_signed_in("The sign-in was refused in the browser.")
        elif error != "authorization_pending" and answer.status not in {429, 503}:
            break
    raise not_signed_in("Nobody confirmed in time. Start again: portal login")


def _ask(what: str, *, hidden: bool) -> str:
    """From the terminal. Raises `Problem` where there is none."""
    if not sys.stdin.isatty():
        raise Problem(f"{what} is missing: set AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.", Exit.USAGE)
    return str(typer.prompt(what, hide_input=hidden, err=True))


def _facts(session: Session) -> dict[str, Any]:
    """What may be told of a sign-in: everything but the token."""
    forever = session.expires == float("inf")
    until = "this command" if forever else datetime.fromtimestamp(session.expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
    facts = {"name": session.name, "kind": session.kind, "portal": session.portal, "until": until}
    more = {"duty": session.duty, "tenant": session.tenant}
    return facts | {name: value for name, value in more.items() if value}
