"""`portal rollover ...`: rolling many keys of a vault."""

from typing import Annotated

import typer

from .client import client_of
from .options import Json, Vault, group
from .rows import quoted
from .showing import document, done, table

app = group("Rollovers: many keys of a vault get new versions. For security operations.")

Id = Annotated[str, typer.Argument(help="the rollover's id", show_default=False)]


@app.command("list")
def list_(ctx: typer.Context, vault: Vault, as_json: Json = False) -> None:
    """List the rollovers of a vault."""
    rows = client_of(ctx.obj).manage("GET", f"vaults/{quoted(vault)}/rollovers")
    columns = ("id", "state", "total", "reason", "begun_by", "created")
    table(rows, columns, as_json=as_json, empty="No keys were rolled together.")


@app.command()
def begin(
    ctx: typer.Context,
    vault: Vault,
    reason: Annotated[str, typer.Option(help="auditors read it", show_default=False)],
    older_than_days: Annotated[
        int, typer.Option("--older-than", min=0, max=3650, help="days; only keys whose current version is as old")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Roll the enabled keys of a vault. It goes on by itself."""
    body = {"older_than_days": older_than_days, "reason": reason}
    made = client_of(ctx.obj).manage("POST", f"vaults/{quoted(vault)}/rollovers", body)
    done(f"{made['total']} keys are rolled. How far: portal rollover show {made['id']}", as_json=as_json, **made)


@app.command()
def show(ctx: typer.Context, rollover: Id, as_json: Json = False) -> None:
    """Show how far a rollover is."""
    document(client_of(ctx.obj).manage("GET", f"rollovers/{quoted(rollover)}"), as_json=as_json)


@app.command()
def pause(ctx: typer.Context, rollover: Id, as_json: Json = False) -> None:
    """Pause; keys that the HSM has already are finished."""
    _switch(ctx, rollover, "paused", as_json=as_json)


@app.command()
def resume(ctx: typer.Context, rollover: Id, as_json: Json = False) -> None:
    """Let it go on."""
    _switch(ctx, rollover, "running", as_json=as_json)


@app.command()
def cancel(ctx: typer.Context, rollover: Id, as_json: Json = False) -> None:
    """Cancel; keys that were rolled stay rolled."""
    _switch(ctx, rollover, "cancelled", as_json=as_json)


def _switch(ctx: typer.Context, rollover: str, state: str, *, as_json: bool) -> None:
    told = client_of(ctx.obj).manage("PATCH", f"rollovers/{quoted(rollover)}", {"state": state})
    done(f"The rollover is {told['state']}.", as_json=as_json, **told)
