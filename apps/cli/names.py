"""The names that a shell completes: of vaults, objects, applications and roles, for whoever has signed in.

Somebody waits for a word and did not ask for a report: what takes too long or fails ends in no names.
"""

import itertools
import os
import re
import time
from collections.abc import Iterable
from typing import Any

import typer

from .client import Client, client_of
from .doors import behind
from .settings import Settings

_SECONDS = 1.5  # longer than that, and they go on typing
_MOST = 200
_PLAIN = re.compile(r"[0-9A-Za-z._-]+\Z")  # shells evaluate what they are given: other names are typed
_KINDS = {"key": "keys", "secret": "secrets", "certificate": "certificates"}
_GONE = {"recover", "purge"}


def vaults(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of vaults."""
    return _found(ctx, incomplete, lambda client: _listed(client, "vaults", "name"))


def applications(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of applications."""
    return _found(ctx, incomplete, lambda client: _listed(client, "applications", "name"))


def roles(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of roles."""
    return _found(ctx, incomplete, lambda client: _listed(client, "roles", "codename"))


def objects(ctx: typer.Context, incomplete: str) -> list[str]:
    """Of the objects of the vault that is named already, of the kind that the group is about."""
    kind = _KINDS.get((ctx.parent and ctx.parent.info_name) or "", "")
    vault = str(ctx.params.get("vault") or os.environ.get("PORTAL_VAULT", ""))
    if not (kind and vault):
        return []

    def names(client: Client) -> Iterable[str]:
        door = behind(client)
        rows = door.deleted(vault, kind) if ctx.info_name in _GONE else door.rows(vault, kind)
        return (str(row["name"]) for row in rows)

    return _found(ctx, incomplete, names)


def _listed(client: Client, path: str, member: str) -> list[str]:
    return [str(row[member]) for row in client.manage("GET", path)]


def _found(ctx: typer.Context, incomplete: str, ask: Any) -> list[str]:
    """Those that begin like this, as far as the time reaches."""
    given, until = ctx.find_root().params, time.monotonic() + _SECONDS
    settings = Settings(
        given.get("profile") or os.environ.get("PORTAL_PROFILE") or "default",
        given.get("ca") or os.environ.get("PORTAL_CA", ""),
        seconds=_SECONDS,
    )
    try:
        names = itertools.takewhile(lambda _: time.monotonic() < until, ask(client_of(settings)))
        fitting = (name for name in names if name.startswith(incomplete) and _PLAIN.match(name))
        return sorted(itertools.islice(fitting, _MOST))
    except Exception:  # noqa: BLE001  whatever it was: a line of a shell is no place to tell it
        return []
