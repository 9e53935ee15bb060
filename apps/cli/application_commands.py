"""`portal application ...`"""

import sys
from typing import Annotated, Any

import typer

from . import names
from .client import client_of
from .management import addressed
from .options import Application, Json, group
from .problems import Exit, Problem
from .rows import quoted
from .showing import document, done, note, table

_LARGEST_PEM = 16384  # as the management API takes it

app = group("Applications: programs that use vaults, each with an identity of its own.")

Name = Application
New = Annotated[str, typer.Argument(help="the application's name", show_default=False)]
Vault = Annotated[
    str,
    typer.Option("--vault", "-v", help="give it a role in this vault", show_default=False, autocompletion=names.vaults),
]
Role = Annotated[
    str,
    typer.Option(
        "--role",
        help="which role, for example key-vault-crypto-user",
        show_default=False,
        autocompletion=names.roles,
    ),
]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the application identities."""
    rows = client_of(ctx.obj).manage("GET", "applications")
    table(rows, ("name", "client_id", "created"), as_json=as_json, empty="There are no applications.")


@app.command()
def create(ctx: typer.Context, name: New, vault: Vault = "", role: Role = "", as_json: Json = False) -> None:
    """Make an application identity. Its secret is printed this once; nobody can read it again."""
    if bool(vault) != bool(role):
        raise Problem("A role needs a vault and a vault a role: give both --vault and --role.", Exit.USAGE)
    client = client_of(ctx.obj)
    made = client.manage("POST", "applications", {"name": name})
    _show_once(made, as_json=as_json)
    if vault:
        body = {"application": made["client_id"], "role": role}
        try:
            client.manage("POST", f"vaults/{quoted(vault)}/role-assignments", body)
        except Problem as problem:
            raise Problem(f"{name} is made, but has no role in {vault} yet: {problem.message}", problem.code) from None
        note(f"{name} has the role {role} in {vault}.")


@app.command()
def secret(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Make a further client secret, so that the old one can be replaced without a gap. Printed this once."""
    _show_once({"name": name, **_manage(ctx, "POST", name, "secrets")}, as_json=as_json)


@app.command()
def credentials(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """List how an application may sign in: secrets, certificates, federated trust. Nothing secret is among them."""
    rows = _manage(ctx, "GET", name, "credentials")
    empty = f"{name} has no credential: it cannot sign in."
    table(rows, ("id", "kind", "about", "created", "expires"), as_json=as_json, empty=empty)


@app.command()
def certificate(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let an application sign in with the key of a certificate, which is read from standard input (PEM)."""
    if sys.stdin.isatty():
        note("Paste the certificate (PEM), then press Ctrl-D:")
    pem = sys.stdin.buffer.read(_LARGEST_PEM + 1).decode("utf-8", "replace")
    if "-----BEGIN CERTIFICATE-----" not in pem or "PRIVATE KEY" in pem:
        raise Problem("Standard input was no certificate alone. Give its PEM, without a private key.", Exit.USAGE)
    made = _manage(ctx, "POST", name, "certificates", {"certificate": pem})
    done(f"{name} signs in with the certificate {made['subject']} until {made['expires']}.", as_json=as_json, **made)


@app.command()
def trust(
    ctx: typer.Context,
    name: Name,
    issuer: Annotated[str, typer.Option(help="as in the tokens' iss, by https", show_default=False)],
    subject: Annotated[str, typer.Option(help="exactly as in the tokens' sub", show_default=False)],
    audience: Annotated[str, typer.Option(help="as in the tokens' aud")] = "api://AzureADTokenExchange",
    as_json: Json = False,
) -> None:
    """Let an application sign in with another issuer's tokens, of a pipeline or a cluster, instead of a credential."""
    body = {"issuer": issuer, "subject": subject, "audience": audience}
    made = _manage(ctx, "POST", name, "federated", body)
    done(f"{name} signs in with tokens of {issuer} for {subject}.", as_json=as_json, **made)


@app.command("remove-credential")
def remove_credential(
    ctx: typer.Context,
    name: Name,
    credential: Annotated[str, typer.Argument(help="its id: portal application credentials", show_default=False)],
    as_json: Json = False,
) -> None:
    """Take a credential away, of whichever kind. Add its successor first."""
    _manage(ctx, "DELETE", name, f"credentials/{quoted(credential)}")
    done(f"{name} signs in with that no more.", as_json=as_json, name=name, removed=credential)


@app.command()
def disable(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Stop an application, and its tokens, within one second. Its roles stay."""
    _manage(ctx, "POST", name, "switch", {"enabled": False})
    done(
        f"{name} is stopped. To let it go on: portal application enable {name}",
        as_json=as_json,
        name=name,
        enabled=False,
    )


@app.command()
def enable(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a stopped application go on."""
    _manage(ctx, "POST", name, "switch", {"enabled": True})
    done(f"{name} may use vaults again.", as_json=as_json, name=name, enabled=True)


def _manage(ctx: typer.Context, method: str, name: str, act: str, body: Any = None) -> Any:
    """The management API, at one application."""
    client = client_of(ctx.obj)
    return client.manage(method, f"applications/{addressed(client, name)}/{act}", body)


def _show_once(made: dict[str, Any], *, as_json: bool) -> None:
    document(made, as_json=as_json)
    note("Keep the secret now; it is shown nowhere else.")
