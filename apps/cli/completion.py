"""`portal completion`: the script with which a shell completes commands, options and names."""

from typing import Annotated, Literal

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]  # imported there, and used by typer

from .output import print_line


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="for this shell", show_default=False)],
) -> None:
    """Print the completion script; save it where your shell looks for completions.

    It completes commands, options and, while you are signed in, the names of vaults, objects and applications.
    """
    print_line(get_completion_script(prog_name="portal", complete_var="_PORTAL_COMPLETE", shell=shell))
