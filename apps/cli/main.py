"""The whole command line: its groups, what stands in front of them, and how failures end."""

import os
import sys
from enum import StrEnum
from typing import Annotated, NoReturn

import typer

from . import (
    __version__,
    access_commands,
    application_commands,
    approval_commands,
    audit_commands,
    certificate_commands,
    key_commands,
    own_commands,
    running,
    secret_commands,
    sign_in_commands,
    vault_commands,
)
from .client import Settings
from .problems import Problem
from .showing import note, say

app = typer.Typer(
    name="portal",
    help="Vault Portal at the command line. Start with `portal login`.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not signed in, 4 not found, 5 unavailable.",
)
app.command()(sign_in_commands.login)
app.command()(sign_in_commands.logout)
app.command()(sign_in_commands.whoami)
app.command()(sign_in_commands.explain)
app.command()(own_commands.refusals)
app.command()(own_commands.usage)
app.command()(running.run)
app.add_typer(key_commands.app, name="key")
app.add_typer(secret_commands.app, name="secret")
app.add_typer(certificate_commands.app, name="certificate")
app.add_typer(vault_commands.app, name="vault")
app.add_typer(application_commands.app, name="application")
app.add_typer(access_commands.app, name="access")
app.add_typer(approval_commands.app, name="approval")
app.add_typer(audit_commands.app, name="audit")


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


Profile = Annotated[str, typer.Option(envvar="PORTAL_PROFILE", help="which of several sign-ins")]
Ca = Annotated[
    str, typer.Option("--ca", envvar="PORTAL_CA", help="file of your certificate authority", show_default=False)
]


def _version(asked: bool) -> None:
    if asked:
        say(f"portal {__version__}")
        raise typer.Exit


@app.callback()
def before(
    ctx: typer.Context,
    profile: Profile = "default",
    ca: Ca = "",
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="say it")] = False,
) -> None:
    """Vault Portal at the command line. Start with `portal login`."""
    del version
    ctx.obj = Settings(profile, ca)


@app.command()
def completion(shell: Annotated[Shell, typer.Argument(help="for this shell", show_default=False)]) -> None:
    """Print the completion script, to be kept where your shell looks for such."""
    os.environ["_PORTAL_COMPLETE"] = f"source_{shell.value}"
    typer.main.get_command(app)(prog_name="portal")


def main() -> NoReturn:
    """Run, and say in one sentence what went wrong."""
    try:
        app(prog_name="portal")
    except Problem as problem:
        note(problem.message)
        sys.exit(problem.code)
    sys.exit(0)
