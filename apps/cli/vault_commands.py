"""`portal vault ...`"""

from typing import Annotated, Literal

import typer

from . import completion_names
from .client import client_of
from .command_group import CommandGroup
from .errors import usage_error
from .options import VaultName, argument, option
from .output import print_object, print_result, print_table

app = CommandGroup("Vaults: containers for keys, secrets and certificates.")

_DAYS = "retention of deleted objects"
_PRODUCTION = "purges, role assignments, key imports and relaxed settings need approval"
_ON_CONFLICT = "creating what is deleted: refuse it, or recover it and add the version"
OnConflict = Literal["refuse", "recover"]
_RSA1_5 = "decryption with RSA1_5, for clients that know nothing else; its padding leaks"
DeletedName = Annotated[str, argument("the deleted vault's name", autocompletion=completion_names.deleted_vaults)]
Protection = Annotated[
    bool, typer.Option("--purge-protection", help="no purge before retention ends; cannot be undone")
]


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the vaults."""
    columns = ("name", "world", "state", "production", "frozen", "url")
    print_table(client_of(ctx).manage("GET", "vaults"), columns, empty="There are no vaults.")


@app.command()
def show(ctx: typer.Context, name: VaultName) -> None:
    """Show a vault."""
    print_object(client_of(ctx).manage("GET", "vaults", name))


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, argument("the vault's name, which becomes its host name")],
    world: Annotated[str, option("--world", text="the security world whose HSMs protect its keys")],
    days: Annotated[int, typer.Option(min=7, max=90, help=_DAYS)] = 90,
    production: Annotated[bool, typer.Option("--production", help=_PRODUCTION)] = False,
    purge_protection: Protection = False,
    test: Annotated[bool, typer.Option("--test", help="a developer's own test vault: software-protected keys")] = False,
) -> None:
    """Create a vault, with its key in the HSM of its security world; with --test a developer's own."""
    body = {"name": name, "world": world}
    if test:
        if production or purge_protection:
            raise usage_error("A test vault cannot have --production or --purge-protection.")
        created = client_of(ctx).manage("POST", "test-vaults", body=body)
    else:
        settings = {"recoverable_days": days, "production": production, "purge_protection": purge_protection}
        created = client_of(ctx).manage("POST", "vaults", body=body | settings)
    print_result(f"{created['name']} is ready at {created['url']}.", **created)


@app.command("set")
def set_(
    ctx: typer.Context,
    name: VaultName,
    days: Annotated[int | None, typer.Option(min=7, max=90, help=_DAYS)] = None,
    production: Annotated[bool | None, typer.Option("--production/--no-production", help=_PRODUCTION)] = None,
    purge_protection: Protection = False,
    rsa1_5: Annotated[bool | None, typer.Option("--rsa1-5/--no-rsa1-5", help=_RSA1_5)] = None,
    on_conflict: Annotated[OnConflict | None, typer.Option("--on-conflict", help=_ON_CONFLICT)] = None,
) -> None:
    """Change a vault's settings; others are kept. Relaxing a production vault's settings needs approval."""
    settings = {
        "recoverable_days": days,
        "production": production,
        "purge_protection": purge_protection or None,
        "rsa1_5": rsa1_5,
        "on_conflict": on_conflict,
    }
    body = {setting: value for setting, value in settings.items() if value is not None}
    if not body:
        raise usage_error(
            "Nothing to change: specify --days, --production, --no-production, --purge-protection, --rsa1-5, "
            "--no-rsa1-5 or --on-conflict."
        )
    changed = client_of(ctx).manage("PATCH", "vaults", name, body=body)
    print_result(f"The settings of {name} are changed.", **changed)


@app.command()
def delete(
    ctx: typer.Context,
    name: VaultName,
    yes_delete: Annotated[str, option("--yes-delete", text="the vault's name again: all its requests fail")] = "",
) -> None:
    """Delete a vault. It can be recovered until its retention period ends."""
    if yes_delete != name:
        raise usage_error(f"All requests to the vault will fail. To confirm, add: --yes-delete {name}")
    row = client_of(ctx).manage("DELETE", "vaults", name)
    print_result(f"{name} is deleted. To recover it: portal vault recover {name}", **row)


@app.command()
def deleted(ctx: typer.Context) -> None:
    """List the deleted vaults, which can be recovered."""
    columns = ("name", "world", "production", "purge_protection", "deleted", "purge_after")
    print_table(client_of(ctx).manage("GET", "deleted-vaults"), columns, empty="There are no deleted vaults.")


@app.command()
def recover(ctx: typer.Context, name: DeletedName) -> None:
    """Recover a deleted vault, with everything in it and its role assignments."""
    row = client_of(ctx).manage("POST", "deleted-vaults", name, "recover")
    print_result(f"{name} is recovered.", **row)


@app.command()
def purge(
    ctx: typer.Context,
    name: DeletedName,
    yes_purge: Annotated[str, option("--yes-purge", text="the vault's name again: a purge cannot be undone")] = "",
) -> None:
    """Purge a deleted vault with everything in it."""
    if yes_purge != name:
        raise usage_error(f"A purge cannot be undone. To confirm, add: --yes-purge {name}")
    client_of(ctx).manage("DELETE", "deleted-vaults", name)
    print_result(f"{name} is purged.", name=name, state="purged")


@app.command()
def freeze(ctx: typer.Context, name: VaultName) -> None:
    """Freeze a vault: all requests to it are blocked within one second. No data is lost."""
    client_of(ctx).manage("POST", "vaults", name, "freeze", body={"enabled": False})
    print_result(f"{name} is frozen. To unfreeze it: portal vault unfreeze {name}", name=name, frozen=True)


@app.command()
def unfreeze(ctx: typer.Context, name: VaultName) -> None:
    """Unfreeze a frozen vault."""
    client_of(ctx).manage("POST", "vaults", name, "freeze", body={"enabled": True})
    print_result(f"{name} is unfrozen.", name=name, frozen=False)
