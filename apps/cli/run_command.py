"""`portal run`: secrets in a command's environment. They are not on disk and not in arguments."""

import os
import signal
from typing import Annotated

import typer

from .backends import secret_backend_of
from .errors import CliError, usage_error
from .options import Vault, is_version, option
from .output import print_message

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126  # the shells' exit codes


def run(
    ctx: typer.Context,
    command: Annotated[list[str], typer.Argument(help="the command, after --", show_default=False)],
    vault: Vault,
    secret: Annotated[
        list[str], option("--secret", "-s", text="VARIABLE=secret, or VARIABLE=secret/version; may be repeated")
    ],
    reason: Annotated[str, option("--reason", text="required of people; recorded in the audit log")] = "",
) -> None:
    """Run a command with secrets in its environment; its exit code is returned.

    portal run --vault payroll --secret DB_PASSWORD=database -- ./server --port 80
    """
    references = [_parse(text) for text in secret]
    backend = secret_backend_of(ctx)
    values = {variable: backend.get_value(vault, name, version, reason) for variable, name, version in references}
    for variable, value in values.items():
        if "\0" in value:
            raise CliError(f"The value for {variable} has a NUL character, which an environment cannot contain.")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and the command would inherit that
    try:
        os.execvpe(command[0], command, {**os.environ, **values})  # noqa: S606  running it is the purpose; no shell
    except FileNotFoundError:
        code, text = _NOT_FOUND, f"The command {command[0]} does not exist."
    except OSError as error:
        code, text = _NOT_EXECUTABLE, f"{command[0]} cannot be run: {error.strerror}."
    print_message(text)
    raise typer.Exit(code)


def _parse(text: str) -> tuple[str, str, str]:
    """(variable, secret, version). Raises `CliError`."""
    variable, equals, reference = text.partition("=")
    name, _, version = reference.partition("/")
    if not (equals and name and variable.isidentifier() and variable.isascii()):
        raise usage_error(f"'{variable}' is not an assignment: write --secret VARIABLE=secret.")
    if version and not is_version(version):
        raise usage_error(f"'{version}' is not a version of {name}: it has 32 hexadecimal digits.")
    return variable, name, version
