"""The command line as a whole: the options before a command, and how errors end it."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]  # imported there, and used by typer

from . import __version__
from .command_group import PLAIN
from .errors import CliError, usage_error
from .lazy_commands import LazyGroup
from .output import Format, configure_streams, print_line, print_message, to_json_line
from .settings import Settings

INTERRUPTED, OUTPUT_CLOSED = 128 + signal.SIGINT, 128 + signal.SIGPIPE  # the shells' exit codes
_UsageError: Any = typer.BadParameter.__base__  # typer does not export it

app = typer.Typer(
    cls=LazyGroup,
    name="portal",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 success, 1 denied or failed, 2 usage, 3 not signed in, 4 not found, 5 unavailable.",
    **PLAIN,
)

Profile = Annotated[str, typer.Option(envvar="PORTAL_PROFILE", help="the stored sign-in to use")]
Ca = Annotated[
    str, typer.Option("--ca", envvar="PORTAL_CA", help="file of your certificate authority", show_default=False)
]


def _print_version(requested: bool) -> None:
    if requested:
        print_line(f"portal {__version__}")
        raise typer.Exit


@app.callback()
def configure(
    ctx: typer.Context,
    profile: Profile = "default",
    ca: Ca = "",
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Vault Portal on the command line. Start with `portal login`."""
    del version
    ctx.obj = Settings(profile, ca)


def main() -> NoReturn:
    """Run the command; an error is one sentence on standard error, or with `--json` an object."""
    configure_streams()
    completion_init()
    arguments = sys.argv[1:]
    Format.json = "--json" in (arguments[: arguments.index("--")] if "--" in arguments else arguments)
    try:
        code = int(typer.main.get_command(app).main(prog_name="portal", standalone_mode=False) or 0)
        sys.stdout.flush()
    except CliError as error:
        code = _report(error)
    except _UsageError as error:
        code = _report(usage_error(error.format_message()), show=error.show)
    except UnicodeEncodeError:
        code = _report(usage_error("An argument of the command is not UTF-8 text."))
    except BrokenPipeError:
        code = OUTPUT_CLOSED
    except OSError as error:
        code = _report(CliError(f"{error.filename or 'Standard output'}: {error.strerror}."))
    except (KeyboardInterrupt, typer.Abort):  # typer aborts at Ctrl-C or Ctrl-D in a prompt
        code = INTERRUPTED
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):  # typer exits when standard output is closed
            raise
        code = OUTPUT_CLOSED
    _exit(code)


def _report(error: CliError, *, show: Callable[[], None] | None = None) -> int:
    """Print the error, in text with typer's own function if it has one."""
    if Format.json:
        members = {"message": error.message, "exit_code": int(error.code), **error.details}
        print_message(to_json_line({"error": members}))
    elif show:
        show()
    else:
        print_message(error.message)
    return error.code


def _exit(code: int) -> NoReturn:
    """Exit without a second error about output that cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
