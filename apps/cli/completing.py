"""`portal completion`: what a shell is told so that it asks us for words."""

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]  # imported there, and used by typer

from .showing import say


class Shell(StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="for this shell", show_default=False)]) -> None:
    """Print the completion script, to be kept where your shell looks for such.

    It completes commands, options and, while you have signed in, the names of vaults, objects and applications.
    """
    say(get_completion_script(prog_name="portal", complete_var="_PORTAL_COMPLETE", shell=shell.value))
