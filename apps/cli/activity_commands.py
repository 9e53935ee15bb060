"""Past and scheduled activity: `portal denials`, `portal usage`, `portal calendar`."""

from typing import Annotated

import typer

from .client import client_of
from .options import option
from .output import print_table


def denials(ctx: typer.Context) -> None:
    """List recent denied requests of your applications; `portal explain` tells why, by the request ID."""
    columns = ("at", "application", "status", "operation", "vault", "object", "request_id")
    print_table(client_of(ctx).manage("GET", "refusals"), columns, empty="No denied requests in the last seven days.")


def usage(ctx: typer.Context) -> None:
    """Count the calls of your applications by operation."""
    columns = ("operation", "done", "refused", "latest")
    print_table(client_of(ctx).manage("GET", "usage"), columns, empty="Your applications have made no calls.")


def calendar(
    ctx: typer.Context,
    vault: Annotated[str, option("--vault", text="only this vault")] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="number of days to look ahead")] = 30,
) -> None:
    """List scheduled rotations, renewals, expiries and purges, with all repetitions. For security operations."""
    query = {"days": str(days), **({"vault": vault} if vault else {})}
    columns = ("at", "what", "kind", "vault", "name", "planned")
    print_table(
        client_of(ctx).manage("GET", "coming", query=query), columns, empty=f"Nothing is scheduled within {days} days."
    )
