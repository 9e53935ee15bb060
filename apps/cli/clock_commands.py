"""`portal clock ...`: show and move the clock of a test installation."""

from typing import Annotated

import typer

from .client import client_of
from .command_group import CommandGroup
from .errors import usage_error
from .output import print_object, print_result

app = CommandGroup("The clock of a test installation (./portal up --clock).")


@app.command()
def show(ctx: typer.Context) -> None:
    """Show the time of keys, secrets, certificates and vaults, and whether the clock can be moved."""
    print_object(client_of(ctx).manage("GET", "clock"))


@app.command()
def move(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=0, max=7320, help="number of days to add")] = 0,
    seconds: Annotated[int, typer.Option(min=0, max=86400, help="number of seconds to add")] = 0,
) -> None:
    """Move the clock forward. It cannot be moved back."""
    if not days and not seconds:
        raise usage_error("Specify --days or --seconds.")
    moved = client_of(ctx).manage("POST", "clock", body={"days": days, "seconds": seconds})
    print_result(f"The time is now {moved['now']}.", **moved)
