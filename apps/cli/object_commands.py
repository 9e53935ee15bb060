"""What keys, secrets and certificates have in common: list, show, enable, disable, delete, recover, purge."""

from typing import Annotated

import typer

from .doors import door_of, trying
from .options import Json, Name, Vault, Version
from .problems import Exit, Problem
from .rows import SINGULAR
from .showing import document, done, table

_LISTED = ("name", "enabled", "expires", "managed")
_DELETED = ("name", "deleted", "purge_after")
Deleted = Annotated[bool, typer.Option("--deleted", help="what can be recovered, instead")]
Typed = Annotated[str, typer.Option("--yes-purge", help="the object's name again: what is purged is gone for good")]


def add_common(app: typer.Typer, kind: str) -> None:
    """The commands of a kind. What they say names it."""
    one = SINGULAR[kind]
    _add_reading(app, kind)

    @app.command("try", help=f"Do one real operation with a {one} of a test vault of yours, and say what came back.")
    def try_(ctx: typer.Context, name: Name, vault: Vault, as_json: Json = False) -> None:
        tried = trying(ctx).try_it(vault, kind, name)
        document(tried, as_json=as_json)
        if not tried["allowed"]:
            raise typer.Exit(Exit.REFUSED)

    @app.command(help=f"Disable a version, so that nobody uses it; without --version the current one. The {one} stays.")
    def disable(ctx: typer.Context, name: Name, vault: Vault, version: Version = "", as_json: Json = False) -> None:
        _switch(ctx, kind, vault, name, version, enabled=False, as_json=as_json)

    @app.command(help="Enable a version again; without --version the current one.")
    def enable(ctx: typer.Context, name: Name, vault: Vault, version: Version = "", as_json: Json = False) -> None:
        _switch(ctx, kind, vault, name, version, enabled=True, as_json=as_json)

    @app.command(help=f"Delete a {one}. It can be recovered for the days that the vault keeps deleted objects.")
    def delete(ctx: typer.Context, name: Name, vault: Vault, as_json: Json = False) -> None:
        door_of(ctx).delete(vault, kind, name)
        text = f"{name} is deleted. To have it back: portal {one} recover {name} --vault {vault}"
        done(text, as_json=as_json, vault=vault, kind=kind, name=name, state="deleted")

    @app.command(help=f"Make a deleted {one} live again, with all its versions.")
    def recover(ctx: typer.Context, name: Name, vault: Vault, as_json: Json = False) -> None:
        door_of(ctx).recover(vault, kind, name)
        done(f"{name} is recovered.", as_json=as_json, vault=vault, kind=kind, name=name, state="live")

    @app.command(help=f"Remove a deleted {one} for good, with everything that only it opens.")
    def purge(ctx: typer.Context, name: Name, vault: Vault, yes_purge: Typed = "", as_json: Json = False) -> None:
        if yes_purge != name:
            raise Problem(f"Purging cannot be undone. If you mean it, add: --yes-purge {name}", Exit.USAGE)
        door_of(ctx).purge(vault, kind, name)
        done(f"{name} is purged for good.", as_json=as_json, vault=vault, kind=kind, name=name, state="purged")


def _add_reading(app: typer.Typer, kind: str) -> None:
    one = SINGULAR[kind]

    @app.command("list", help=f"List the {kind} of a vault.")
    def list_(ctx: typer.Context, vault: Vault, deleted: Deleted = False, as_json: Json = False) -> None:
        door = door_of(ctx)
        rows = door.deleted(vault, kind) if deleted else door.rows(vault, kind)
        empty = f"{vault} has no deleted {kind}." if deleted else f"{vault} has no {kind}."
        table(rows, _DELETED if deleted else _LISTED, as_json=as_json, empty=empty)

    if kind == "secrets":
        return  # a secret's `show` may show its value

    @app.command(help=f"Show a {one} and its versions.")
    def show(ctx: typer.Context, name: Name, vault: Vault, version: Version = "", as_json: Json = False) -> None:
        document(door_of(ctx).facts(vault, kind, name, version), as_json=as_json)


def _switch(
    ctx: typer.Context, kind: str, vault: str, name: str, version: str, *, enabled: bool, as_json: bool
) -> None:
    switched = door_of(ctx).switch(vault, kind, name, version, enabled=enabled)
    word = "enabled" if enabled else "disabled"
    text = f"Version {switched} of {name} is {word}."
    done(text, as_json=as_json, vault=vault, kind=kind, name=name, version=switched, enabled=enabled)
