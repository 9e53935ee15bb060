"""`portal run`: secrets into a command's environment. They are on no disk and in no argument."""

import os
import signal
from typing import Annotated

import typer

from .doors import values_of
from .options import Vault, is_version
from .problems import Exit, Problem

Secrets = Annotated[
    list[str],
    typer.Option(
        "--secret", "-s", help="VARIABLE=secret, or VARIABLE=secret/version; may be repeated", show_default=False
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", help="people say why they read values; auditors read it", show_default=False)
]
Command = Annotated[list[str], typer.Argument(help="the command, behind --", show_default=False)]
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # as shells say it


def run(ctx: typer.Context, command: Command, vault: Vault, secret: Secrets, reason: Reason = "") -> None:
    """Run a command with secrets in its environment; its exit code is ours.

    portal run --vault payroll --secret DB_PASSWORD=database -- ./server --port 80
    """
    wanted = [_split(text) for text in secret]
    door = values_of(ctx)
    found = {variable: door.value(vault, name, version, reason) for variable, name, version in wanted}
    for variable, value in found.items():
        if "\0" in value:
            raise Problem(f"The value for {variable} has a NUL character, which no environment can carry.")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python's own way with it would go on in the program
    try:
        os.execvpe(command[0], command, {**os.environ, **found})  # noqa: S606  running it is the purpose; no shell
    except FileNotFoundError:
        code, text = _NOT_FOUND, f"There is no command {command[0]}."
    except OSError as error:
        code, text = _NOT_EXECUTABLE, f"{command[0]} cannot be run: {error.strerror}."
    typer.echo(text, err=True)
    raise typer.Exit(code)


def _split(text: str) -> tuple[str, str, str]:
    """(variable, secret, version). Raises `Problem`."""
    variable, equals, rest = text.partition("=")
    name, _, version = rest.partition("/")
    if not (equals and name and variable.isidentifier() and variable.isascii()):
        raise Problem(f"'{variable}' is no assignment: write --secret VARIABLE=secret.", Exit.USAGE)
    if version and not is_version(version):
        raise Problem(f"'{version}' is no version of {name}: it has 32 hexadecimal digits.", Exit.USAGE)
    return variable, name, version
