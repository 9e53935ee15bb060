"""`portal access ...`: who may do what, and why."""

from typing import Annotated, Any

import typer

from . import names
from .client import client_of
from .options import Assignee, Json, Vault, group
from .problems import Exit
from .rows import quoted
from .showing import clean, document, done, say, table

app = group("Access: who may do what, and why; granting and taking away.")

Principal = Annotated[str, typer.Argument(help="an application's name or client id, or a person's", show_default=False)]
Permission = Annotated[str, typer.Argument(help="for example keys/sign or secrets/get", show_default=False)]
Role = Annotated[
    str,
    typer.Argument(help="for example key-vault-crypto-user", show_default=False, autocompletion=names.roles),
]
Key = Annotated[str, typer.Option("--key", help="at one key, not at the whole vault", show_default=False)]
Secret = Annotated[str, typer.Option("--secret", help="at one secret", show_default=False)]
Group = Annotated[bool, typer.Option("--group", help="the name is a group's")]
Certificate = Annotated[str, typer.Option("--certificate", help="at one certificate", show_default=False)]


@app.command()
def simulate(
    ctx: typer.Context,
    principal: Principal,
    permission: Permission,
    vault: Vault,
    object_: Annotated[str, typer.Option("--object", help="the object's name", show_default=False)] = "",
    as_json: Json = False,
) -> None:
    """Decide as for a real request, and say why; exit code 0: allowed, 1: denied. Nothing is changed."""
    query = {"principal": principal, "permission": permission, "vault": vault, "object": object_}
    told = client_of(ctx.obj).manage("GET", "access/explain", **query)
    if as_json:
        document(told, as_json=True)
    else:
        say(f"{'allowed' if told['allowed'] else 'denied'}: {clean(told['because'])}")
        if not told["allowed"] and told["roles"]:
            say(f"These roles would allow it: {', '.join(told['roles'])}")
    if not told["allowed"]:
        raise typer.Exit(Exit.REFUSED)


@app.command("list")
def list_(ctx: typer.Context, vault: Vault, as_json: Json = False) -> None:
    """List who has which role at the vault and at its objects."""
    rows = client_of(ctx.obj).manage("GET", f"vaults/{quoted(vault)}/role-assignments")
    table(
        rows,
        ("application", "group", "role", "key", "secret", "certificate"),
        as_json=as_json,
        empty="No role is given.",
    )


@app.command()
def roles(ctx: typer.Context, as_json: Json = False) -> None:
    """List the roles that can be given, and what each allows."""
    table(client_of(ctx.obj).manage("GET", "roles"), ("codename", "name", "explanation"), as_json=as_json)


@app.command()
def grant(
    ctx: typer.Context,
    who: Assignee,
    role: Role,
    vault: Vault,
    key: Key = "",
    secret: Secret = "",
    certificate: Certificate = "",
    is_group: Group = False,
    as_json: Json = False,
) -> None:
    """Give an application, a group or a developer a role. On a vault for production a second person must approve it."""
    kind = "group" if is_group else "application"
    body = _assignment(who, role, kind, key=key, secret=secret, certificate=certificate)
    client_of(ctx.obj).manage("POST", f"vaults/{quoted(vault)}/role-assignments", body)
    done(f"{who} has the role {role} in {vault}.", as_json=as_json, vault=vault, **body)


@app.command()
def revoke(
    ctx: typer.Context,
    who: Assignee,
    role: Role,
    vault: Vault,
    key: Key = "",
    secret: Secret = "",
    certificate: Certificate = "",
    is_group: Group = False,
    as_json: Json = False,
) -> None:
    """Take a role away, within one second everywhere."""
    kind = "group" if is_group else "application"
    body = _assignment(who, role, kind, key=key, secret=secret, certificate=certificate)
    client_of(ctx.obj).manage("DELETE", f"vaults/{quoted(vault)}/role-assignments", body)
    done(f"{who} no longer has the role {role} there.", as_json=as_json, vault=vault, **body)


def _assignment(who: str, role: str, kind: str, **place: str) -> dict[str, Any]:
    return {kind: who, "role": role, **{kind: name for kind, name in place.items() if name}}
