"""The two ways to the objects of a vault, with the same acts: one for applications, one for security operations.

Which one a command takes is decided by who has signed in. Both speak of rows and facts in the same words.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import typer

from .client import client_of
from .management import Management
from .problems import Problem
from .vaults import Vaults


class Door(Protocol):
    """What both can do."""

    def rows(self, vault: str, kind: str) -> Iterator[dict[str, Any]]: ...
    def deleted(self, vault: str, kind: str) -> Iterator[dict[str, Any]]: ...
    def facts(self, vault: str, kind: str, name: str, version: str) -> dict[str, Any]: ...
    def create_key(self, vault: str, name: str, *, key_type: str, parameter: str, hardware: bool) -> dict[str, Any]: ...
    def rotate_key(self, vault: str, name: str) -> dict[str, Any]: ...
    def switch(self, vault: str, kind: str, name: str, version: str, *, enabled: bool) -> str: ...
    def delete(self, vault: str, kind: str, name: str) -> None: ...
    def recover(self, vault: str, kind: str, name: str) -> None: ...
    def purge(self, vault: str, kind: str, name: str) -> None: ...


def door_of(ctx: typer.Context) -> Door:
    """The door of whoever has signed in. Raises `Problem`."""
    client = client_of(ctx)
    return Vaults(client) if client.session.kind == "application" else Management(client)


def using(ctx: typer.Context) -> Vaults:
    """The door of applications, for what no person does. Raises `Problem`."""
    client = client_of(ctx)
    if client.session.kind != "application":
        raise Problem(
            "People use no keys and read or set no values here. "
            "Sign in as an application that has a role in the vault: portal login --application"
        )
    return Vaults(client)
