"""`portal access ...`: role assignments, and the access check."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from . import completion_names
from .client import client_of
from .command_group import CommandGroup
from .errors import ExitCode
from .options import Vault, argument, option
from .output import Format, print_line, print_object, print_result, print_table, sanitize_text

app = CommandGroup("Role assignments: list, assign, revoke; and the access check.")

Assignee = Annotated[
    str,
    argument(
        "an application's name or client ID; person:NAME for a developer; with --group a group's name",
        autocompletion=completion_names.applications,
    ),
]


@dataclass(frozen=True)
class Assignment:
    """A role of an assignee in a vault, or at one object of it."""

    who: Assignee
    role: Annotated[str, argument("for example key-vault-crypto-user", autocompletion=completion_names.roles)]
    vault: Vault
    key: Annotated[str, option("--key", text="for one key instead of the whole vault")] = ""
    secret: Annotated[str, option("--secret", text="for one secret")] = ""
    certificate: Annotated[str, option("--certificate", text="for one certificate")] = ""
    is_group: Annotated[bool, typer.Option("--group", help="the assignee is a group")] = False

    def send(self, ctx: typer.Context, method: str) -> dict[str, Any]:
        """Assign or revoke it; the assignment as the API takes it."""
        scope = {"key": self.key, "secret": self.secret, "certificate": self.certificate}
        assignee = {"group" if self.is_group else "application": self.who}
        body = {**assignee, "role": self.role, **{kind: name for kind, name in scope.items() if name}}
        client_of(ctx).manage(method, "vaults", self.vault, "role-assignments", body=body)
        return {"vault": self.vault, **body}


@app.command()
def simulate(
    ctx: typer.Context,
    principal: Annotated[str, argument("an application's name or client ID, or a person's name")],
    permission: Annotated[str, argument("for example keys/sign or secrets/get")],
    vault: Vault,
    object_: Annotated[str, option("--object", text="the object's name")] = "",
) -> None:
    """Check access as for a real request, and explain it; exit code 0: allowed, 1: denied. Nothing changes."""
    query = {"principal": principal, "permission": permission, "vault": vault, "object": object_}
    decision = client_of(ctx).manage("GET", "access", "explain", query=query)
    if Format.json:
        print_object(decision)
    else:
        print_line(f"{'allowed' if decision['allowed'] else 'denied'}: {sanitize_text(decision['because'])}")
        if not decision["allowed"] and decision["roles"]:
            print_line(f"Roles that allow it: {', '.join(decision['roles'])}")
    if not decision["allowed"]:
        raise typer.Exit(ExitCode.FAILED)


@app.command("list")
def list_(ctx: typer.Context, vault: Vault) -> None:
    """List the role assignments of a vault and of its objects."""
    rows = client_of(ctx).manage("GET", "vaults", vault, "role-assignments")
    columns = ("application", "group", "role", "key", "secret", "certificate")
    print_table(rows, columns, empty="No roles are assigned.")


@app.command()
def roles(ctx: typer.Context) -> None:
    """List the roles that can be assigned, and what each allows."""
    print_table(client_of(ctx).manage("GET", "roles"), ("codename", "name", "explanation"))


@app.command(alias="grant")
def assign(ctx: typer.Context, assignment: Assignment) -> None:
    """Assign a role to an application, a group or a developer. On a production vault this needs approval."""
    members = assignment.send(ctx, "POST")
    print_result(f"{assignment.who} has the role {assignment.role} in {assignment.vault}.", **members)


@app.command()
def revoke(ctx: typer.Context, assignment: Assignment) -> None:
    """Revoke a role, effective within one second."""
    members = assignment.send(ctx, "DELETE")
    print_result(f"The role {assignment.role} of {assignment.who} in {assignment.vault} is revoked.", **members)
