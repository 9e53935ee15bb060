"""`portal vault ...`"""

from typing import Annotated

import typer

from . import names
from .client import client_of
from .options import Json, group
from .problems import Exit, Problem
from .rows import quoted
from .showing import document, done, table

app = group("Vaults: the containers that keys, secrets and certificates live in.")

New = Annotated[str, typer.Argument(help="the vault's name, which becomes its host name", show_default=False)]
Name = Annotated[str, typer.Argument(help="the vault's name", show_default=False, autocompletion=names.vaults)]
World = Annotated[str, typer.Option(help="the security world whose HSMs hold its keys", show_default=False)]
Days = Annotated[int, typer.Option("--days", min=7, max=90, help="in which deleted objects can be recovered")]
Production = Annotated[bool, typer.Option("--production", help="dangerous acts need a second person")]
Test = Annotated[bool, typer.Option("--test", help="a developer's own, for trying: keys protected by software")]
Protection = Annotated[bool, typer.Option("--purge-protection", help="nobody purges early; stays on for good")]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the vaults."""
    rows = client_of(ctx.obj).manage("GET", "vaults")
    table(
        rows, ("name", "world", "state", "production", "frozen", "url"), as_json=as_json, empty="There are no vaults."
    )


@app.command()
def show(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show a vault."""
    document(client_of(ctx.obj).manage("GET", f"vaults/{quoted(name)}"), as_json=as_json)


@app.command()
def create(
    ctx: typer.Context,
    name: New,
    world: World,
    days: Days = 90,
    production: Production = False,
    purge_protection: Protection = False,
    test: Test = False,
    as_json: Json = False,
) -> None:
    """Make a vault, with its key in the HSM of its world; with --test one of a developer's own."""
    if test:
        if production or purge_protection:
            raise Problem("A test vault is for no production and has no purge protection.", Exit.USAGE)
        made = client_of(ctx.obj).manage("POST", "test-vaults", {"name": name, "world": world})
        done(f"{made['name']} is ready at {made['url']}. It is yours.", as_json=as_json, **made)
        return
    body = {
        "name": name,
        "world": world,
        "recoverable_days": days,
        "production": production,
        "purge_protection": purge_protection,
    }
    made = client_of(ctx.obj).manage("POST", "vaults", body)
    done(f"{made['name']} is ready at {made['url']}.", as_json=as_json, **made)


@app.command("set")
def set_(
    ctx: typer.Context,
    name: Name,
    days: Annotated[
        int | None, typer.Option("--days", min=7, max=90, help="in which deleted objects can be recovered")
    ] = None,
    production: Annotated[
        bool | None, typer.Option("--production/--no-production", help="dangerous acts need a second person")
    ] = None,
    purge_protection: Protection = False,
    as_json: Json = False,
) -> None:
    """Change a vault's settings; what is not given stays. Weakening them needs a second person where they guard."""
    given = {"recoverable_days": days, "production": production, "purge_protection": purge_protection or None}
    body = {setting: value for setting, value in given.items() if value is not None}
    if not body:
        raise Problem(
            "Nothing to change: give --days, --production, --no-production or --purge-protection.", Exit.USAGE
        )
    told = client_of(ctx.obj).manage("PATCH", f"vaults/{quoted(name)}", body)
    done(f"Settings of {name} are changed.", as_json=as_json, **told)


@app.command()
def freeze(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a vault refuse everything, within one second. Nothing is lost."""
    client_of(ctx.obj).manage("POST", f"vaults/{quoted(name)}/freeze", {"enabled": False})
    done(
        f"{name} is frozen. To let it serve again: portal vault unfreeze {name}",
        as_json=as_json,
        name=name,
        frozen=True,
    )


@app.command()
def unfreeze(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a frozen vault serve again."""
    client_of(ctx.obj).manage("POST", f"vaults/{quoted(name)}/freeze", {"enabled": True})
    done(f"{name} serves again.", as_json=as_json, name=name, frozen=False)
