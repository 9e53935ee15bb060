"""What can go wrong, as a sentence with what to do next, and as an exit code that scripts can ask for."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes (docs/command-line.md)."""  # beside these: 130 for Ctrl-C, 141 for a reader that has gone

    OK = 0
    REFUSED = 1
    USAGE = 2
    NOT_SIGNED_IN = 3
    NOT_FOUND = 4
    UNAVAILABLE = 5


class Problem(Exception):
    """The command cannot do what was asked. The sentence goes to standard error; `facts` are for `--json`."""

    def __init__(self, message: str, code: Exit = Exit.REFUSED, **facts: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.facts = {name: fact for name, fact in facts.items() if fact}


def not_signed_in(message: str) -> Problem:
    """Whoever asks must sign in first."""
    return Problem(message, Exit.NOT_SIGNED_IN)
