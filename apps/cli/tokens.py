"""Tokens of applications from the authority (OAuth client credentials, RFC 6749 section 4.4)."""

import os
import re
import time
from typing import Any

from . import urls
from .errors import CliError, ExitCode, not_signed_in, usage_error
from .http_client import HttpClient, Response
from .session_store import Session

API_VERSION = "2025-07-01"
_TENANT = re.compile(r'authorization="https://[^/"]+/([0-9A-Za-z.-]+)"')


def portal_from_environment() -> str:
    """The portal's address from PORTAL_URL, PORTAL_AUTHORITY or AZURE_AUTHORITY_HOST; "" if none is set."""
    if url := os.environ.get("PORTAL_URL", ""):
        return urls.parse_portal_url(url)
    authority = os.environ.get("PORTAL_AUTHORITY", "") or os.environ.get("AZURE_AUTHORITY_HOST", "")
    return urls.portal_url_of_authority(authority) if authority else ""


def sign_in_application(
    http: HttpClient, *, portal: str, tenant: str, client_id: str, secret: str, ca: str = "", audit: str = ""
) -> Session:
    """A session of an application; the secret is not stored. Raises `CliError`."""
    tenant = tenant or discover_tenant(http, portal)
    form = {"client_id": client_id, "client_secret": secret}
    body = request_token(http, portal=portal, tenant=tenant, credential=form)
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


def token_endpoint(portal: str, tenant: str) -> str:
    """The address that gives tokens."""
    return f"https://login.{urls.host_suffix(portal)}/{tenant}/oauth2/v2.0/token"


def request_token(http: HttpClient, *, portal: str, tenant: str, credential: dict[str, str]) -> dict[str, Any]:
    """The answer of the authority to a credential: `access_token`, `expires_in` in seconds. Raises `CliError`."""
    form = {"grant_type": "client_credentials", "scope": f"https://{urls.host_suffix(portal)}/.default", **credential}
    response = http.request("POST", token_endpoint(portal, tenant), form=form)
    if response.status != 200:
        raise _rejected(response, "the certificate" if "client_assertion" in credential else "the secret")
    body: dict[str, Any] = response.json()
    return body


def discover_tenant(http: HttpClient, portal: str) -> str:
    """From the challenge (WWW-Authenticate) of any vault's host to a request without a token."""
    response = http.request("GET", f"{urls.vault_url(portal, 'tenant')}/keys?api-version={API_VERSION}")
    match = _TENANT.search(response.headers.get("WWW-Authenticate", ""))
    if match is None:
        raise usage_error("The tenant is unknown: specify --tenant, or AZURE_TENANT_ID.")
    return match[1]


def _rejected(response: Response, kind: str) -> CliError:
    body = response.json() or {}
    text = str(body.get("error_description", "")) or f"The authority responded with status {response.status}."
    if response.status in {429, 500, 502, 503, 504}:
        return CliError(f"{text} Try again shortly.", ExitCode.UNAVAILABLE)
    variables = "AZURE_CLIENT_ID, AZURE_CLIENT_SECRET" if kind == "the secret" else "AZURE_CLIENT_ID"
    return not_signed_in(f"{text} Check the client ID and {kind} ({variables}).")
