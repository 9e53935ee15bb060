"""`portal approval ...`: requests that need approval by a second person."""

from typing import Annotated

import typer

from .client import client_of
from .command_group import CommandGroup
from .options import argument, option
from .output import print_object, print_result, print_table

app = CommandGroup("Approvals: actions on production vaults that need a second person.")

Request = Annotated[str, argument("the request's ID")]
Note = Annotated[str, option("--note", text="recorded in the audit log")]


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the pending requests."""
    rows = client_of(ctx).manage("GET", "approvals")
    print_table(rows, ("id", "act", "vault", "subject", "requester", "expires"), empty="No pending requests.")


@app.command()
def show(ctx: typer.Context, request: Request) -> None:
    """Show a request and what it would change."""
    print_object(client_of(ctx).manage("GET", "approvals", request))


@app.command()
def approve(ctx: typer.Context, request: Request, note: Note = "") -> None:
    """Approve another person's request; they then repeat the action."""
    _review(ctx, request, note, approve=True)


@app.command()
def reject(ctx: typer.Context, request: Request, note: Note = "") -> None:
    """Reject another person's request."""
    _review(ctx, request, note, approve=False)


def _review(ctx: typer.Context, request: str, note: str, *, approve: bool) -> None:
    approval = client_of(ctx).manage("POST", "approvals", request, body={"approve": approve, "note": note})
    print_result(f"{approval['act']} of {approval['subject']} is {approval['state']}.", **approval)
