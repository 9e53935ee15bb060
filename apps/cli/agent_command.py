"""`portal agent`: a managed identity for programs on this machine, from its client certificate."""

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from . import client_certificate, tokens, urls
from .errors import CliError, ExitCode, usage_error
from .http_client import HttpClient
from .managed_identity import APP_SERVICE_PATH, LOOPBACK, IdentityServer, ManagedIdentity, Token, TokenCache
from .options import option
from .output import print_message
from .settings import Settings

_PORT = 41380
_SHORTEST_SECRET = 16
_HEADER = "IDENTITY_HEADER"


@dataclass(frozen=True, slots=True)
class Application:
    """The application whose tokens they are, and its credential."""

    certificate: Annotated[
        Path, option("--certificate", envvar="AZURE_CLIENT_CERTIFICATE_PATH", text="PEM file: certificate and its key")
    ]
    client_id: Annotated[str, option("--client-id", envvar="AZURE_CLIENT_ID", text="the application's")]
    portal: Annotated[str, option("--portal", envvar="PORTAL_URL", text="for example https://portal.vault.example")] = (
        ""
    )
    tenant: Annotated[str, option("--tenant", envvar="AZURE_TENANT_ID", text="default: the service's tenant")] = ""


def agent(
    ctx: typer.Context,
    application: Application,
    env_file: Annotated[
        Path | None, option("--env-file", text="where to write the variables of programs, with a new secret")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="on the loopback address; 0: any")] = _PORT,
    imds: Annotated[
        bool, typer.Option("--imds", help="also for every program on the machine, without the secret")
    ] = False,
) -> None:
    """Give tokens to programs on this machine that expect a managed identity (ManagedIdentityCredential).

    Programs need IDENTITY_ENDPOINT and IDENTITY_HEADER in their environment.
    """
    settings: Settings = ctx.obj
    given, client_id = application.portal, application.client_id
    portal = urls.parse_portal_url(given) if given else tokens.portal_from_environment()
    if not portal:
        raise usage_error("Specify the portal's address: --portal https://portal.vault.example")
    secret = _secret(env_file)
    cache = TokenCache(_sign_in(HttpClient(settings.ca), portal, application))
    try:
        cache.get()
    except CliError as error:
        if error.code != ExitCode.UNAVAILABLE:  # the authority may start after this machine
            raise
        print_message(error.message)
    resource = f"https://{urls.host_suffix(portal)}"
    try:
        server = IdentityServer(ManagedIdentity(cache, secret, resource, client_id, imds), port)
    except OSError as error:
        raise CliError(f"Port {port} on {LOOPBACK} cannot be used: {error.strerror}. Specify another: --port") from None
    endpoint = f"http://{LOOPBACK}:{server.server_port}{APP_SERVICE_PATH}"
    if env_file:
        _write(env_file, f"IDENTITY_ENDPOINT={endpoint}\n{_HEADER}={secret}\n")
    print_message(f"Tokens of {client_id} at {endpoint}")
    sys.stderr.flush()
    with server:
        server.serve_forever()


def _sign_in(http: HttpClient, portal: str, application: Application) -> Callable[[], Token]:
    """A function that gets a token with the certificate."""
    password = os.environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD", "")

    def fetch() -> Token:
        tenant = application.tenant or tokens.discover_tenant(http, portal)
        audience = tokens.token_endpoint(portal, tenant)
        file, client_id = application.certificate, application.client_id
        form = client_certificate.credential_of(file, password, client_id=client_id, audience=audience)
        body = tokens.request_token(http, portal=portal, tenant=tenant, credential=form)
        try:
            return Token(body["access_token"], time.time() + float(body["expires_in"]))
        except (KeyError, TypeError, ValueError):
            raise CliError("The authority's response is not a token.") from None

    return fetch


def _secret(env_file: Path | None) -> str:
    """From the environment, or the file of an earlier start, which running programs know; else a new one for the file.

    Raises `CliError`.
    """
    secret = os.environ.get(_HEADER, "")
    if not secret and env_file is None:
        raise usage_error(
            f"Programs need a secret: specify --env-file, or set {_HEADER} here and in their environment."
        )
    if not secret and env_file is not None and env_file.exists():
        lines = env_file.read_text("utf-8", "replace").splitlines()
        secret = next((line.partition("=")[2] for line in lines if line.startswith(f"{_HEADER}=")), "")
    secret = secret or secrets.token_urlsafe(32)
    if len(secret) < _SHORTEST_SECRET or not (secret.isascii() and secret.isprintable()):
        raise usage_error(f"{_HEADER} has at least {_SHORTEST_SECRET} printable ASCII characters.")
    return secret


def _write(path: Path, text: str) -> None:
    """A new file with mode 0600 replaces the previous one; its owner and group decide who else may read it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
