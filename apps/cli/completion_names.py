"""Names that a shell completes: vaults, objects, applications and roles that the signed-in client can see.

Completion is silent: an error or a timeout yields no names.
"""

import itertools
import os
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import typer

from .backends import select_backend
from .client import Client, signed_in
from .settings import Settings

_TIMEOUT = 1.5  # seconds that a user accepts to wait for a word
_LIMIT = 200
_SAFE = re.compile(r"[0-9A-Za-z._-]+\Z")  # shells evaluate completions: other names have to be typed
_KINDS = {"key": "keys", "secret": "secrets", "certificate": "certificates"}
_ON_DELETED = {"recover", "purge"}


def _completer(collection: str, member: str = "name") -> Callable[[typer.Context, str], list[str]]:
    """Completes names of a collection of the management API."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        return _complete(ctx, incomplete, lambda client: _names(client.manage("GET", collection), member))

    return complete


vaults, applications, roles = _completer("vaults"), _completer("applications"), _completer("roles", "codename")
deleted_vaults = _completer("deleted-vaults")


def objects(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of objects in the vault that the command line names, of the kind of the command group."""
    kind = _KINDS.get((ctx.parent and ctx.parent.info_name) or "", "")
    vault = str(ctx.params.get("vault") or os.environ.get("PORTAL_VAULT", ""))
    if not (kind and vault):
        return []
    deleted = ctx.info_name in _ON_DELETED
    return _complete(
        ctx, incomplete, lambda client: _names(select_backend(client).list_objects(vault, kind, deleted=deleted))
    )


def _names(rows: Iterable[dict[str, Any]], member: str = "name") -> Iterable[str]:
    return (str(row[member]) for row in rows)


def _complete(ctx: typer.Context, incomplete: str, fetch: Callable[[Client], Iterable[str]]) -> list[str]:
    """The names with this beginning that arrive before the timeout."""
    options, deadline = ctx.find_root().params, time.monotonic() + _TIMEOUT
    settings = Settings(
        options.get("profile") or os.environ.get("PORTAL_PROFILE") or "default",
        options.get("ca") or os.environ.get("PORTAL_CA", ""),
        timeout=_TIMEOUT,
    )
    try:
        names = itertools.takewhile(lambda _: time.monotonic() < deadline, fetch(signed_in(settings)))
        matching = (name for name in names if name.startswith(incomplete) and _SAFE.match(name))
        return sorted(itertools.islice(matching, _LIMIT))
    except Exception:  # noqa: BLE001  a shell's prompt is no place for an error
        return []
