"""`portal group ...`: applications that do the same work share a group, and its roles."""

from typing import Annotated

import typer

from .client import client_of
from .management import addressed
from .options import Application, Json, group
from .rows import quoted
from .showing import document, done, table

app = group("Groups of applications: its roles are theirs while they are in it. For security operations.")

Name = Annotated[str, typer.Argument(help="the group's name", show_default=False)]


@app.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> None:
    """List the groups."""
    rows = client_of(ctx.obj).manage("GET", "groups")
    table(rows, ("name", "members", "roles"), as_json=as_json, empty="There are no groups.")


@app.command()
def show(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show who is in a group, and what that lets them do."""
    document(client_of(ctx.obj).manage("GET", f"groups/{quoted(name)}"), as_json=as_json)


@app.command()
def create(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Make a group, yet without members or roles. To give it one: portal access grant --group."""
    made = client_of(ctx.obj).manage("POST", "groups", {"name": name})
    done(f"{name} is there. Nobody is in it yet.", as_json=as_json, **made)


@app.command()
def add(ctx: typer.Context, name: Name, application: Application, as_json: Json = False) -> None:
    """Put an application into a group. Where that opens a vault for production, a second person must approve."""
    client = client_of(ctx.obj)
    client.manage("PUT", f"groups/{quoted(name)}/members/{addressed(client, application)}")
    done(f"{application} is in {name}.", as_json=as_json, group=name, application=application, member=True)


@app.command()
def remove(ctx: typer.Context, name: Name, application: Application, as_json: Json = False) -> None:
    """Take an application out of a group, within one second everywhere."""
    client = client_of(ctx.obj)
    client.manage("DELETE", f"groups/{quoted(name)}/members/{addressed(client, application)}")
    done(f"{application} is out of {name}.", as_json=as_json, group=name, application=application, member=False)


@app.command()
def delete(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Delete a group with its memberships and roles, at once."""
    client_of(ctx.obj).manage("DELETE", f"groups/{quoted(name)}")
    done(f"{name} is deleted, and what it gave.", as_json=as_json, group=name)
