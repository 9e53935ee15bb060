"""`portal clock ...`"""

from typing import Annotated

import typer

from .client import client_of
from .command_group import CommandGroup
from .errors import usage_error
from .output import print_object, print_result

app = CommandGroup("The clock of a test installation (./portal up --clock).")


@app.command()
def show(ctx: typer.Context) -> None:
    """Show the time of keys, secrets, certificates and vaults, and whether it can be moved."""
    print_object(client_of(ctx).manage("GET", "clock"))


@app.command()
def move(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=0, max=7320, help="days forward")] = 0,
    seconds: Annotated[int, typer.Option(min=0, max=86400, help="seconds forward")] = 0,
) -> None:
    """Move the clock forward. There is no way back: what was made in the meantime would be in the future."""
    if not days and not seconds:
        raise usage_error("Specify --days or --seconds.")
    moved = client_of(ctx).manage("POST", "clock", body={"days": days, "seconds": seconds})
    print_result(f"It is {moved['now']} now.", **moved)
