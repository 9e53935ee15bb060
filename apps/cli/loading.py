"""Commands that are loaded when they are called, so that `portal --help` and completion need not wait for all."""

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

# Without rich help is plain text, and starting is quick; `portal completion` is a command of its own.
PLAIN: dict[str, Any] = {"rich_markup_mode": None, "add_completion": False}

# name -> (module, what it does). A module with an `app` is a group; else it has a function of the command's name.
COMMANDS = {
    "login": ("sign_in_commands", "Sign in, as a person or as a program."),
    "logout": ("sign_in_commands", "End the sign-in."),
    "whoami": ("sign_in_commands", "Who has signed in, and with which duty."),
    "explain": ("sign_in_commands", "Why a request was refused, and who can help."),
    "refusals": ("own_commands", "What your applications were refused lately."),
    "usage": ("own_commands", "Count the calls of your applications."),
    "run": ("running", "Run a command with secrets in its environment."),
    "completion": ("completing", "Print what completes commands in your shell."),
    "key": ("key_commands", "Keys, which never leave the HSM."),
    "secret": ("secret_commands", "Secrets: sealed values."),
    "certificate": ("certificate_commands", "Certificates, with their keys."),
    "vault": ("vault_commands", "Vaults, in which all of these live."),
    "application": ("application_commands", "Programs that use vaults."),
    "access": ("access_commands", "Who may do what, and why."),
    "group": ("group_commands", "Groups of applications, and their roles."),
    "person": ("person_commands", "Who may sign in."),
    "rollover": ("rollover_commands", "Rolling many keys of a vault."),
    "log": ("log_commands", "Where a vault's usage log goes."),
    "approval": ("approval_commands", "What waits for a second person."),
    "audit": ("audit_commands", "The usage log."),
}


def load(name: str) -> Any:
    """The command itself."""
    module = importlib.import_module(f".{COMMANDS[name][0]}", __package__)
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(**PLAIN)
        app.command(name)(getattr(module, name))
    found = typer.main.get_command(app)
    found.name = name
    return found


class Group(TyperGroup):
    """Knows its commands by name and by one line each, and loads the one that is meant."""

    def __init__(self, **attributes: Any) -> None:
        lines = {name: TyperCommand(name, help=line) for name, (_, line) in COMMANDS.items()}
        super().__init__(**{**attributes, "commands": lines})

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the words name."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and load(name), rest
