"""Options that many commands share."""

from typing import Annotated

import typer

Vault = Annotated[
    str, typer.Option("--vault", "-v", envvar="PORTAL_VAULT", help="the vault's name", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="JSON for programs, instead of text")]
Name = Annotated[str, typer.Argument(help="the object's name", show_default=False)]
Version = Annotated[str, typer.Option("--version", help="32 hex digits; default: the current one", show_default=False)]


def group(text: str) -> typer.Typer:
    """A group of commands. Without rich: help is plain text, and starting is quick."""
    return typer.Typer(help=text, no_args_is_help=True, rich_markup_mode=None, add_completion=False)
