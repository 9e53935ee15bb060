"""`portal approval ...`: four eyes."""

from typing import Annotated

import typer

from .client import client_of
from .options import Json, group
from .rows import quoted
from .showing import document, done, table

app = group("Approvals: acts on vaults for production that wait for a second person.")

Request = Annotated[str, typer.Argument(help="the request's id", show_default=False)]
Note = Annotated[str, typer.Option("--note", help="auditors read it", show_default=False)]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List what waits for a decision."""
    rows = client_of(ctx.obj).manage("GET", "approvals")
    table(rows, ("id", "act", "vault", "subject", "requester", "expires"), as_json=as_json, empty="Nothing waits.")


@app.command()
def show(ctx: typer.Context, request: Request, as_json: Json = False) -> None:
    """Show a request, with what it would change."""
    document(client_of(ctx.obj).manage("GET", f"approvals/{quoted(request)}"), as_json=as_json)


@app.command()
def approve(ctx: typer.Context, request: Request, note: Note = "", as_json: Json = False) -> None:
    """Approve a request of somebody else; they repeat their act then."""
    _decide(ctx, request, note, approve=True, as_json=as_json)


@app.command()
def reject(ctx: typer.Context, request: Request, note: Note = "", as_json: Json = False) -> None:
    """Reject a request of somebody else."""
    _decide(ctx, request, note, approve=False, as_json=as_json)


def _decide(ctx: typer.Context, request: str, note: str, *, approve: bool, as_json: bool) -> None:
    body = {"approve": approve, "note": note}
    told = client_of(ctx.obj).manage("POST", f"approvals/{quoted(request)}", body)
    done(f"{told['act']} of {told['subject']} is {told['state']}.", as_json=as_json, **told)
