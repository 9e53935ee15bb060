"""Options that many commands share."""

import re
from typing import Annotated

import typer

from . import names
from .loading import PLAIN

_VERSION = re.compile(r"[0-9A-Fa-f]{32}\Z")


def group(text: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(help=text, no_args_is_help=True, **PLAIN)


def is_version(text: str) -> bool:
    """Whether it can be one."""
    return _VERSION.match(text) is not None


def _named(text: str) -> str:
    """Raises `BadParameter` for nothing at all: it would name the list."""
    if not text.strip():
        raise typer.BadParameter("a name is missing.")
    return text


def _version(text: str) -> str:
    """Raises `BadParameter` for what is no version: it would be another address."""
    if text and not is_version(text):
        raise typer.BadParameter("a version has 32 hexadecimal digits.")
    return text.lower()


Vault = Annotated[
    str,
    typer.Option(
        "--vault",
        "-v",
        envvar="PORTAL_VAULT",
        help="the vault's name",
        show_default=False,
        callback=_named,
        autocompletion=names.vaults,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON for programs, instead of text")]
Name = Annotated[
    str,
    typer.Argument(help="the object's name", show_default=False, callback=_named, autocompletion=names.objects),
]
Version = Annotated[
    str,
    typer.Option(
        "--version", help="32 hexadecimal digits; default: the current one", show_default=False, callback=_version
    ),
]
Application = Annotated[
    str,
    typer.Argument(
        help="the application's name or client id",
        show_default=False,
        callback=_named,
        autocompletion=names.applications,
    ),
]
Assignee = Annotated[
    str,
    typer.Argument(
        help="an application's name or client id; person:NAME for a developer; with --group a group's name",
        show_default=False,
        callback=_named,
        autocompletion=names.applications,
    ),
]
