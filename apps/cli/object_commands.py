"""The commands that keys, secrets and certificates share."""

from typing import Annotated

import typer

from .backends import backend_of, developer_backend_of
from .command_group import CommandGroup
from .errors import ExitCode, usage_error
from .options import Name, Vault, Version, option
from .output import print_object, print_result, print_table

Deleted = Annotated[bool, typer.Option("--deleted", help="list deleted objects instead, which can be recovered")]
Confirmation = Annotated[str, option("--yes-purge", text="the object's name again: a purge cannot be undone")]


def object_group(singular: str, text: str) -> CommandGroup:
    """The command group of a kind of objects, with the shared commands."""
    app, kind = CommandGroup(text), f"{singular}s"
    _add_reading(app, kind, singular)
    _add_deletion(app, kind, singular)

    @app.command("try", help=f"Make one test call with a {singular} of your own test vault, and show the result.")
    def run_test_call(ctx: typer.Context, name: Name, vault: Vault) -> None:
        result = developer_backend_of(ctx).run_test_call(vault, kind, name)
        print_object(result)
        if not result["allowed"]:
            raise typer.Exit(ExitCode.FAILED)

    @app.command(help=f"Disable a version so that it cannot be used; default: the current one. The {singular} is kept.")
    def disable(ctx: typer.Context, name: Name, vault: Vault, version: Version = "") -> None:
        _set_enabled(ctx, kind, vault, name, version, enabled=False)

    @app.command(help="Enable a version again; default: the current one.")
    def enable(ctx: typer.Context, name: Name, vault: Vault, version: Version = "") -> None:
        _set_enabled(ctx, kind, vault, name, version, enabled=True)

    return app


def _set_enabled(ctx: typer.Context, kind: str, vault: str, name: str, version: str, *, enabled: bool) -> None:
    version = backend_of(ctx).set_enabled(vault, kind, name, version, enabled=enabled)
    text = f"Version {version} of {name} is {'enabled' if enabled else 'disabled'}."
    print_result(text, vault=vault, kind=kind, name=name, version=version, enabled=enabled)


def _add_reading(app: CommandGroup, kind: str, singular: str) -> None:
    @app.command("list", help=f"List the {kind} of a vault.")
    def list_(ctx: typer.Context, vault: Vault, deleted: Deleted = False) -> None:
        columns = ("name", "deleted", "purge_after") if deleted else ("name", "enabled", "expires", "managed")
        empty = f"{vault} has no {'deleted ' if deleted else ''}{kind}."
        print_table(backend_of(ctx).list_objects(vault, kind, deleted=deleted), columns, empty=empty)

    if kind == "secrets":
        return  # a secret's `show` can show its value

    @app.command(help=f"Show a {singular} and its versions.")
    def show(ctx: typer.Context, name: Name, vault: Vault, version: Version = "") -> None:
        print_object(backend_of(ctx).describe(vault, kind, name, version))


def _add_deletion(app: CommandGroup, kind: str, singular: str) -> None:
    @app.command(help=f"Delete a {singular}. It can be recovered until its vault's retention period ends.")
    def delete(ctx: typer.Context, name: Name, vault: Vault) -> None:
        backend_of(ctx).delete(vault, kind, name)
        text = f"{name} is deleted. To recover it: portal {singular} recover {name} --vault {vault}"
        print_result(text, vault=vault, kind=kind, name=name, state="deleted")

    @app.command(help=f"Recover a deleted {singular} with all its versions.")
    def recover(ctx: typer.Context, name: Name, vault: Vault) -> None:
        backend_of(ctx).recover(vault, kind, name)
        print_result(f"{name} is recovered.", vault=vault, kind=kind, name=name, state="live")

    @app.command(help=f"Purge a deleted {singular} permanently. Data that it protects cannot be decrypted any more.")
    def purge(ctx: typer.Context, name: Name, vault: Vault, yes_purge: Confirmation = "") -> None:
        if yes_purge != name:
            raise usage_error(f"A purge cannot be undone. To confirm, add: --yes-purge {name}")
        backend_of(ctx).purge(vault, kind, name)
        print_result(f"{name} is purged.", vault=vault, kind=kind, name=name, state="purged")
