"""`portal denials` and `portal usage`: what the user's own applications were denied, and what they did."""

import typer

from .client import client_of
from .output import print_table


def denials(ctx: typer.Context) -> None:
    """List recent denied requests of your applications; `portal explain` tells why, by the request ID."""
    columns = ("at", "application", "status", "operation", "vault", "object", "request_id")
    print_table(client_of(ctx).manage("GET", "refusals"), columns, empty="No denied requests in the last seven days.")


def usage(ctx: typer.Context) -> None:
    """Count the calls of your applications by operation."""
    columns = ("operation", "done", "refused", "latest")
    print_table(client_of(ctx).manage("GET", "usage"), columns, empty="Your applications have made no calls.")
