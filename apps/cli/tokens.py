"""Tokens of applications, from the authority (RFC 6749 section 4.4), as the Azure SDKs get theirs."""

import os
import re
import time
from typing import Any

from . import places
from .keeping import Session
from .problems import Exit, Problem, not_signed_in
from .wire import Answer, Wire

API_VERSION = "2025-07-01"
_TENANT = re.compile(r'authorization="https://[^/"]+/([0-9A-Za-z.-]+)"')


def portal_from_environment() -> str:
    """The portal's address from PORTAL_URL, PORTAL_AUTHORITY or AZURE_AUTHORITY_HOST; "" when none is set."""
    if url := os.environ.get("PORTAL_URL", ""):
        return places.portal_of(url)
    authority = os.environ.get("PORTAL_AUTHORITY", "") or os.environ.get("AZURE_AUTHORITY_HOST", "")
    return places.portal_beside(authority) if authority else ""


def of_application(
    wire: Wire, *, portal: str, tenant: str, client_id: str, secret: str, ca: str = "", audit: str = ""
) -> Session:
    """A session for an application identity. Raises `Problem`; the secret is sent and forgotten."""
    tenant = tenant or _tenant_of(wire, portal)
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": secret,
        "scope": f"{places.resource_of(portal)}/.default",
    }
    answer = wire.ask("POST", f"{places.authority_of(portal)}/{tenant}/oauth2/v2.0/token", form=form)
    if answer.status != 200:
        raise _refused(answer)
    body: dict[str, Any] = answer.json()
    return Session(
        kind="application",
        portal=portal,
        name=client_id,
        token=body["access_token"],
        expires=time.time() + float(body["expires_in"]),
        ca=ca,
        audit=audit,
        tenant=tenant,
        client_id=client_id,
    )


def _tenant_of(wire: Wire, portal: str) -> str:
    """From the challenge that any vault's host gives to somebody without a token (wire-contract.md section 2.1)."""
    answer = wire.ask("GET", f"{places.vault_of(portal, 'tenant')}/keys?api-version={API_VERSION}")
    found = _TENANT.search(answer.headers.get("WWW-Authenticate", ""))
    if found is None:
        raise Problem("The tenant is not known: give it with --tenant, or AZURE_TENANT_ID.", Exit.USAGE)
    return found[1]


def _refused(answer: Answer) -> Problem:
    body = answer.json() or {}
    text = str(body.get("error_description", "")) or f"The authority answered {answer.status}."
    if answer.status in {429, 500, 502, 503, 504}:
        return Problem(f"{text} Try again shortly.", Exit.UNAVAILABLE)
    return not_signed_in(f"{text} Look at the client id and the secret (AZURE_CLIENT_ID, AZURE_CLIENT_SECRET).")
