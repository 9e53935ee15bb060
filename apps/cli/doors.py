"""The two ways to the objects of a vault, with the same acts: one for applications, one for security operations.

Which one a command takes is decided by who has signed in. Both speak of rows and facts in the same words.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import typer

from .client import Client, client_of
from .developing import Developing
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
    return behind(client_of(ctx.obj))


def behind(client: Client) -> Door:
    """The door of this client."""
    return Vaults(client) if client.session.kind == "application" else Management(client)


def using(ctx: typer.Context) -> Vaults:
    """The door of applications, for what no person does. Raises `Problem`."""
    client = client_of(ctx.obj)
    if client.session.kind != "application":
        text = (
            "People use no keys and make no certificates here. Sign in as an application that has a role in the vault"
        )
        own = " One of your own: portal application create NAME --vault VAULT --role ROLE"
        own = own if _duty(client) == "developer" else ""
        raise Problem(f"{text}: portal login --application.{own}")
    return Vaults(client)


def values_of(ctx: typer.Context) -> "Vaults | Developing":
    """The door to secrets' values: for applications, and for developers where they have a role. Raises `Problem`."""
    client = client_of(ctx.obj)
    if client.session.kind == "application":
        return Vaults(client)
    if _duty(client) == "developer":
        return Developing(client)
    raise Problem(
        "Your duty reads and sets no values: developers do, where they have a role, and applications. "
        "Sign in as an application that has a role in the vault: portal login --application"
    )


def trying(ctx: typer.Context) -> Developing:
    """The door of developers, for test calls. Raises `Problem`."""
    client = client_of(ctx.obj)
    if client.session.kind == "application" or _duty(client) != "developer":
        raise Problem("Test calls are for developers, in test vaults of their own. Sign in as one: portal login")
    return Developing(client)


def _duty(client: Client) -> str:
    """A kept sign-in knows it; a demo's password does not."""
    return client.session.duty or str(client.manage("GET", "whoami")["duty"])
