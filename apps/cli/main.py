"""The whole command line: what stands in front of its commands, and how failures end."""

import os
import signal
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]  # imported there, and used by typer

from . import __version__
from .loading import PLAIN, Group
from .problems import Exit, Problem
from .settings import Settings
from .showing import line, note, say, settle

INTERRUPTED, READER_GONE = 128 + signal.SIGINT, 128 + signal.SIGPIPE  # as shells say it
_UsageError: Any = typer.BadParameter.__base__  # typer does not give it a name of its own

app = typer.Typer(
    cls=Group,
    name="portal",
    help="Vault Portal at the command line. Start with `portal login`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 refused or failed, 2 usage, 3 not signed in, 4 not found, 5 unavailable.",
    **PLAIN,
)

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


def main() -> NoReturn:
    """Run, and say in one sentence what went wrong."""
    settle()
    completion_init()
    words = sys.argv[1:]
    as_json = "--json" in words[: words.index("--")] if "--" in words else "--json" in words
    try:
        code = _run(as_json=as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        code = READER_GONE
    except OSError as error:
        code = _tell(Problem(f"{error.filename or 'Standard output'}: {error.strerror}."), as_json=as_json)
    except KeyboardInterrupt:
        code = INTERRUPTED
    _leave(code)


def _run(*, as_json: bool) -> int:
    try:
        return int(typer.main.get_command(app).main(prog_name="portal", standalone_mode=False) or 0)
    except Problem as found:
        problem = found
    except UnicodeEncodeError:
        problem = Problem("A word of the command is no text in UTF-8.", Exit.USAGE)
    except _UsageError as error:
        if not as_json:
            error.show()
            return Exit.USAGE
        problem = Problem(error.format_message(), Exit.USAGE)
    except typer.Abort:  # Ctrl-C or Ctrl-D at a prompt
        return INTERRUPTED
    except SystemExit as leaving:
        if not isinstance(leaving.__context__, BrokenPipeError):  # typer's own way to say that the reader has gone
            raise
        return READER_GONE
    return _tell(problem, as_json=as_json)


def _tell(problem: Problem, *, as_json: bool) -> int:
    if as_json:
        note(line({"error": {"message": problem.message, "exit_code": int(problem.code), **problem.facts}}))
    else:
        note(problem.message)
    return problem.code


def _leave(code: int) -> NoReturn:
    """End without a word about what can no longer be written."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
    sys.exit(code)
