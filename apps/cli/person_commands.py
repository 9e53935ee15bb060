"""`portal person ...`: people who can sign in."""

from typing import Annotated, Literal

import typer

from .client import client_of
from .command_group import CommandGroup
from .options import argument, option
from .output import Format, print_line, print_message, print_result, print_table

app = CommandGroup("People: who can sign in, with which role. For security operations.")

Name = Annotated[str, argument("the person's username")]


Role = Literal["security-operations", "developer", "auditor"]


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the people."""
    print_table(client_of(ctx).manage("GET", "people"), ("username", "duty", "last_login"))


@app.command()
def invite(
    ctx: typer.Context,
    role: Annotated[Role | None, option("--role", text="the person's role [required]")] = None,
    duty: Annotated[Role | None, typer.Option("--duty", hidden=True)] = None,  # the old name of --role
    name: Annotated[str, option("--name", text="a username, which the person can change")] = "",
) -> None:
    """Invite a person. The link is printed only once, works once, and expires in three days."""
    role = role or duty
    if role is None:
        raise typer.BadParameter("specify the person's role.", param_hint="--role")
    client = client_of(ctx)
    created = client.manage("POST", "invitations", body={"duty": role, "username": name})
    link = client.session.portal + created["path"]
    print_result("Send this link to the person. It works once.", duty=role, username=name, link=link)
    if not Format.json:
        print_line(link)


@app.command(alias="disable")
def suspend(ctx: typer.Context, name: Name) -> None:
    """Suspend a person: their sessions end, and they cannot sign in."""
    client_of(ctx).manage("POST", "people", name, "switch", body={"enabled": False})
    print_message(f"To reactivate: portal person reactivate {name}")
    print_result(f"{name} is suspended.", name=name, enabled=False)


@app.command(alias="enable")
def reactivate(ctx: typer.Context, name: Name) -> None:
    """Reactivate a suspended person."""
    client_of(ctx).manage("POST", "people", name, "switch", body={"enabled": True})
    print_result(f"{name} is reactivated.", name=name, enabled=True)
