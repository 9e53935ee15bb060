"""`portal person ...`: who may sign in."""

from enum import StrEnum
from typing import Annotated

import typer

from .client import client_of
from .options import Json, group
from .rows import quoted
from .showing import done, note, say, table

app = group("People: who may sign in, with which duty. For security operations.")

Name = Annotated[str, typer.Argument(help="the person's name for signing in", show_default=False)]


class Duty(StrEnum):
    SECURITY_OPERATIONS = "security-operations"
    DEVELOPER = "developer"
    AUDITOR = "auditor"


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List everybody."""
    table(client_of(ctx.obj).manage("GET", "people"), ("username", "duty", "last_login"), as_json=as_json)


@app.command()
def invite(
    ctx: typer.Context,
    duty: Annotated[Duty, typer.Option(help="what they are to do", show_default=False)],
    name: Annotated[str, typer.Option(help="their name; they may change it", show_default=False)] = "",
    as_json: Json = False,
) -> None:
    """Invite somebody. The link is printed this once, and works once."""
    client = client_of(ctx.obj)
    made = client.manage("POST", "invitations", {"duty": duty.value, "username": name})
    link = client.session.portal + made["path"]
    done("Send them this link. It works once.", as_json=as_json, duty=duty.value, username=name, link=link)
    if not as_json:
        say(link)


@app.command()
def disable(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Stop a person: their sessions end, and they cannot sign in."""
    client_of(ctx.obj).manage("POST", f"people/{quoted(name)}/switch", {"enabled": False})
    note(f"To let them come back: portal person enable {name}")
    done(f"{name} is stopped.", as_json=as_json, name=name, enabled=False)


@app.command()
def enable(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Let a person come back."""
    client_of(ctx.obj).manage("POST", f"people/{quoted(name)}/switch", {"enabled": True})
    done(f"{name} may sign in again.", as_json=as_json, name=name, enabled=True)
