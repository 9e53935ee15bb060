"""Options and arguments that many commands share."""

import re
from typing import Annotated, Any

import typer

from . import completion_names

_VERSION = re.compile(r"[0-9A-Fa-f]{32}\Z")


def is_version(text: str) -> bool:
    """Whether the text has the format of a version."""
    return _VERSION.match(text) is not None


def _check_not_empty(value: Any) -> Any:
    """Raises `BadParameter` for an empty name: it would address the list."""
    if not str(value).strip():
        raise typer.BadParameter("a name is missing.")
    return value


def _check_version(text: str) -> str:
    """Raises `BadParameter` for anything but a version: it would be another address."""
    if text and not is_version(text):
        raise typer.BadParameter("a version has 32 hexadecimal digits.")
    return text.lower()


def option(*names: str, text: str, **settings: Any) -> Any:
    """An option whose default is not shown."""
    return typer.Option(*names, help=text, show_default=False, **settings)


def argument(text: str, **settings: Any) -> Any:
    """An argument that names something, so it is not empty."""
    return typer.Argument(help=text, show_default=False, callback=_check_not_empty, **settings)


Vault = Annotated[
    str,
    option(
        "--vault",
        "-v",
        text="the vault's name",
        envvar="PORTAL_VAULT",
        callback=_check_not_empty,
        autocompletion=completion_names.vaults,
    ),
]
VaultFilter = Annotated[str, option("--vault", "-v", text="of this vault", autocompletion=completion_names.vaults)]
VaultName = Annotated[str, argument("the vault's name", autocompletion=completion_names.vaults)]
Name = Annotated[str, argument("the object's name", autocompletion=completion_names.objects)]
Version = Annotated[
    str, option("--version", text="32 hexadecimal digits; default: the current version", callback=_check_version)
]
Application = Annotated[
    str, argument("the application's name or client ID", autocompletion=completion_names.applications)
]
