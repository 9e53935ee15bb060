"""`portal group ...`: applications that share a group share its roles."""

from typing import Annotated

import typer

from .client import client_of
from .command_group import CommandGroup
from .management_backend import application_id
from .options import Application, argument
from .output import print_object, print_result, print_table

app = CommandGroup(
    "Groups of applications, which have the group's roles while they are members. For security operations."
)

Name = Annotated[str, argument("the group's name")]


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the groups."""
    print_table(client_of(ctx).manage("GET", "groups"), ("name", "members", "roles"), empty="There are no groups.")


@app.command()
def show(ctx: typer.Context, name: Name) -> None:
    """Show a group's members and roles."""
    print_object(client_of(ctx).manage("GET", "groups", name))


@app.command()
def create(ctx: typer.Context, name: Name) -> None:
    """Create a group without members or roles. To assign a role: portal access assign --group."""
    created = client_of(ctx).manage("POST", "groups", body={"name": name})
    print_result(f"The group {name} is created. It has no members yet.", **created)


@app.command()
def add(ctx: typer.Context, name: Name, application: Application) -> None:
    """Add an application to a group. If this gives access to a production vault, it needs approval."""
    _set_member(ctx, "PUT", name, application)
    print_result(f"{application} is a member of {name}.", group=name, application=application, member=True)


@app.command()
def remove(ctx: typer.Context, name: Name, application: Application) -> None:
    """Remove an application from a group, effective within one second."""
    _set_member(ctx, "DELETE", name, application)
    print_result(f"{application} is removed from {name}.", group=name, application=application, member=False)


@app.command()
def delete(ctx: typer.Context, name: Name) -> None:
    """Delete a group with its memberships and role assignments."""
    client_of(ctx).manage("DELETE", "groups", name)
    print_result(f"{name} is deleted, with its role assignments.", group=name)


def _set_member(ctx: typer.Context, method: str, name: str, application: str) -> None:
    client = client_of(ctx)
    client.manage(method, "groups", name, "members", application_id(client, application))
