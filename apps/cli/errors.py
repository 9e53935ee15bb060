"""Errors: a sentence for the user, and an exit code for scripts."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes (docs/command-line.md)."""  # besides these: 130 for Ctrl-C, 141 for a closed output pipe

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_SIGNED_IN = 3
    NOT_FOUND = 4
    UNAVAILABLE = 5


class CliError(Exception):
    """The command failed. The message goes to standard error; `--json` adds the details."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED, **details: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = {name: detail for name, detail in details.items() if detail}


def not_signed_in(message: str) -> CliError:
    """The error of a command that needs a sign-in."""
    return CliError(message, ExitCode.NOT_SIGNED_IN)


def usage_error(message: str) -> CliError:
    """The error of a command that is called with wrong arguments, settings or files."""
    return CliError(message, ExitCode.USAGE)
