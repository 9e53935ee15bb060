"""`portal bulk-rotation ...`: rotate many keys of a vault. `portal rollover` has all of these commands but `start`."""

from typing import Annotated

import typer

from .client import client_of
from .command_group import CommandGroup
from .options import Vault, argument, option
from .output import print_object, print_result, print_table

app = CommandGroup("Bulk rotations: rotate many keys of a vault. For security operations.")

Id = Annotated[str, argument("the ID of the bulk rotation or rollover")]


@app.command(alias="begin")
def start(
    ctx: typer.Context,
    vault: Vault,
    reason: Annotated[str, option("--reason", text="recorded in the audit log")],
    older_than_days: Annotated[
        int, typer.Option("--older-than", min=0, max=3650, help="only keys whose current version is this many days old")
    ] = 0,
) -> None:
    """Rotate the enabled keys of a vault in the background."""
    body = {"older_than_days": older_than_days, "reason": reason}
    started = client_of(ctx).manage("POST", "vaults", vault, "rollovers", body=body)
    text = f"{started['total']} keys are being rotated. Progress: portal bulk-rotation show {started['id']}"
    print_result(text, **started)


def list_(ctx: typer.Context, vault: Vault) -> None:
    """List the bulk rotations and rollovers of a vault."""
    rows = client_of(ctx).manage("GET", "vaults", vault, "rollovers")
    columns = ("id", "kind", "state", "total", "reason", "begun_by", "created")
    print_table(rows, columns, empty="There are no bulk rotations or rollovers.")


def show(ctx: typer.Context, rotation: Id) -> None:
    """Show the progress of a bulk rotation or rollover."""
    print_object(client_of(ctx).manage("GET", "rollovers", rotation))


def pause(ctx: typer.Context, rotation: Id) -> None:
    """Pause a bulk rotation or rollover; new versions that the HSM is creating are finished."""
    _set_state(ctx, rotation, "paused")


def resume(ctx: typer.Context, rotation: Id) -> None:
    """Resume a paused bulk rotation or rollover."""
    _set_state(ctx, rotation, "running")


def cancel(ctx: typer.Context, rotation: Id) -> None:
    """Cancel a bulk rotation or rollover; new versions stay current, and old ones stay enabled."""
    _set_state(ctx, rotation, "cancelled")


def add_commands(group: CommandGroup) -> None:
    """Add the commands that bulk rotations and rollovers have in common."""
    group.command("list")(list_)
    for function in (show, pause, resume, cancel):
        group.command()(function)


def _set_state(ctx: typer.Context, rotation: str, state: str) -> None:
    changed = client_of(ctx).manage("PATCH", "rollovers", rotation, body={"state": state})
    print_result(f"{rotation} is {changed['state']}.", **changed)


add_commands(app)
