"""The commands' modules are imported when a command is called, so that `portal --help` and completion are fast."""

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from .command_group import CommandGroup

# name -> (module, description). A module with an `app` is a group; otherwise it has a function of the command's name.
COMMANDS = {
    "login": ("sign_in_commands", "Sign in, as a person or as an application."),
    "logout": ("sign_in_commands", "Sign out."),
    "whoami": ("sign_in_commands", "Show who is signed in, with which role."),
    "explain": ("sign_in_commands", "Explain why a request was denied, and who can help."),
    "denials": ("activity_commands", "List recent denied requests of your applications."),
    "usage": ("activity_commands", "Count the calls of your applications."),
    "calendar": ("activity_commands", "List scheduled rotations, renewals and expiries."),
    "run": ("run_command", "Run a command with secrets in its environment."),
    "agent": ("agent_command", "Give tokens to programs on this machine."),
    "completion": ("completion", "Print the completion script of your shell."),
    "key": ("key_commands", "Keys, which never leave the HSM."),
    "secret": ("secret_commands", "Secrets, encrypted by the HSM."),
    "certificate": ("certificate_commands", "Certificates with their keys."),
    "vault": ("vault_commands", "Vaults: containers for all of these."),
    "application": ("application_commands", "Applications that use vaults."),
    "access": ("access_commands", "Role assignments, and the access check."),
    "group": ("group_commands", "Groups of applications, and their roles."),
    "person": ("person_commands", "People who can sign in."),
    "bulk-rotation": ("bulk_rotation_commands", "Rotate many keys of a vault."),
    "rollover": ("rollover_commands", "Replace keys and retire their old versions."),
    "log": ("log_commands", "Log destination and retention of a vault."),
    "webhook": ("webhook_commands", "Webhooks, to which a vault sends its events."),
    "approval": ("approval_commands", "Requests that need approval."),
    "clock": ("clock_commands", "The clock of a test installation."),
    "audit": ("audit_commands", "The audit log."),
}
ALIASES = {"refusals": "denials"}  # old names, which help does not list
WITHOUT_JSON = {"run", "agent", "completion"}  # they have no result of their own


def load(name: str) -> Any:
    """The command itself."""
    name = ALIASES.get(name, name)
    module = importlib.import_module(f".{COMMANDS[name][0]}", __package__)
    app = getattr(module, "app", None)
    if app is None:
        app = CommandGroup()
        app.command(name, takes_json=name not in WITHOUT_JSON)(getattr(module, name))
    command = typer.main.get_command(app)
    command.name = name
    return command


class LazyGroup(TyperGroup):
    """Lists the commands from the table, and imports only the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        commands = {name: TyperCommand(name, help=description) for name, (_, description) in COMMANDS.items()}
        commands |= {alias: TyperCommand(alias, hidden=True) for alias in ALIASES}
        super().__init__(**{**attributes, "commands": commands})

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the arguments name."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and load(name), rest
