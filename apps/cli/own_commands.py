"""`portal refusals` and `portal usage`: what one's own applications were refused, and what they did."""

import typer

from .client import client_of
from .options import Json
from .showing import table


def refusals(ctx: typer.Context, as_json: Json = False) -> None:
    """List the last refusals of your applications; `portal explain` says why, by the request."""
    columns = ("at", "application", "status", "operation", "vault", "object", "request_id")
    empty = "Nothing of your applications was refused in the last seven days."
    table(client_of(ctx.obj).manage("GET", "refusals"), columns, as_json=as_json, empty=empty)


def usage(ctx: typer.Context, as_json: Json = False) -> None:
    """Count the calls of your applications by operation."""
    columns = ("operation", "done", "refused", "latest")
    rows = client_of(ctx.obj).manage("GET", "usage")
    table(rows, columns, as_json=as_json, empty="Your applications did nothing yet.")
