"""`portal application ...`"""

from typing import Annotated, Any

import typer

from .client import client_of
from .options import Json, group
from .problems import Exit, Problem
from .rows import quoted
from .showing import document, done, note, table

app = group("Applications: programs that use vaults, each with an identity of its own.")

Name = Annotated[str, typer.Argument(help="the application's name or client id", show_default=False)]
Vault = Annotated[str, typer.Option("--vault", "-v", help="give it a role in this vault", show_default=False)]
Role = Annotated[str, typer.Option("--role", help="which role, for example key-vault-crypto-user", show_default=False)]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the application identities."""
    rows = client_of(ctx).manage("GET", "applications")
    table(rows, ("name", "client_id", "created"), as_json=as_json, empty="There are no applications.")


@app.command()
def create(ctx: typer.Context, name: Name, vault: Vault = "", role: Role = "", as_json: Json = False) -> None:
    """Make an application identity. Its secret is printed this once; nobody can read it again."""
    if bool(vault) != bool(role):
        raise Problem("A role needs a vault and a vault a role: give both --vault and --role.", Exit.USAGE)
    client = client_of(ctx)
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
    _show_once({"name": name, **client_of(ctx).manage("POST", f"applications/{quoted(name)}/secrets")}, as_json=as_json)


@app.command()
def disable(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Stop an application, and its tokens, within one second. Its roles stay."""
    client_of(ctx).manage("POST", f"applications/{quoted(name)}/switch", {"enabled": False})
    done(
        f"{name} is stopped. To let it go on: portal application enable {name}",
        as_json=as_json,
        name=name,
        enabled=False,
    )


@app.command()
def enable(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a stopped application go on."""
    client_of(ctx).manage("POST", f"applications/{quoted(name)}/switch", {"enabled": True})
    done(f"{name} may use vaults again.", as_json=as_json, name=name, enabled=True)


def _show_once(made: dict[str, Any], *, as_json: bool) -> None:
    document(made, as_json=as_json)
    note("Keep the secret now; it is shown nowhere else.")
