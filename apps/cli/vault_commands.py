"""`portal vault ...`"""

from typing import Annotated, Any, Literal

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
_ON_CONFLICT = (
    "when a new object has the name of a deleted one: refuse it, or recover the deleted one and add a version"
)
_NEAR_EXPIRY = "days before an expiry at which notice is given, unless a key's rotation policy has its own"
_ROTATE_AFTER = "days after which new keys are rotated; 0: no automatic rotation"
_EXPIRES_AFTER = "days after which their versions expire; 0: never"
_CERTIFICATE_DAYS = "days before their expiry at which new certificates are renewed; 0: at 80 % of their lifetime"
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
    near_expiry: Annotated[int | None, typer.Option("--near-expiry", min=1, max=365, help=_NEAR_EXPIRY)] = None,
) -> None:
    """Change a vault's settings; others are kept. Relaxing a production vault's settings needs approval."""
    settings = {
        "recoverable_days": days,
        "production": production,
        "purge_protection": purge_protection or None,
        "rsa1_5": rsa1_5,
        "on_conflict": on_conflict,
        "near_expiry_days": near_expiry,
    }
    body = {setting: value for setting, value in settings.items() if value is not None}
    if not body:
        raise usage_error(
            "Nothing to change: specify --days, --production, --no-production, --purge-protection, --rsa1-5, "
            "--no-rsa1-5, --on-conflict or --near-expiry."
        )
    changed = client_of(ctx).manage("PATCH", "vaults", name, body=body)
    print_result(f"The settings of {name} are changed.", **changed)


@app.command()
def policy(
    ctx: typer.Context,
    name: VaultName,
    rotate_after: Annotated[int | None, typer.Option(min=0, max=3650, help=_ROTATE_AFTER)] = None,
    expires_after: Annotated[int | None, typer.Option(min=0, max=3650, help=_EXPIRES_AFTER)] = None,
    existing_keys: Annotated[
        bool, typer.Option("--existing-keys", help="existing keys without a rotation policy inherit it too")
    ] = False,
    certificate_days: Annotated[int | None, typer.Option(min=0, max=3650, help=_CERTIFICATE_DAYS)] = None,
    notice: Annotated[
        bool, typer.Option("--notice", help="report the expiry of new certificates instead of renewing them")
    ] = False,
) -> None:
    """Set the default policies that new keys and certificates of a vault inherit; without options, show them."""
    body: dict[str, Any] = {}
    if rotate_after is not None or expires_after is not None:
        durations = {
            "rotate_after_create": f"P{rotate_after}D" if rotate_after else "",
            "expiry_time": f"P{expires_after}D" if expires_after else "",
        }
        body |= {"keys": durations if any(durations.values()) else None, "existing_keys": existing_keys}
    if certificate_days is not None:
        action = {"kind": "EmailContacts" if notice else "AutoRenew", "days": certificate_days}
        body["certificates"] = action if certificate_days else None
    if not body and (existing_keys or notice):
        raise usage_error(
            "Specify --rotate-after or --expires-after with --existing-keys, --certificate-days with --notice."
        )
    client = client_of(ctx)
    path = ("vaults", name, "default-policies")
    print_object(client.manage("PATCH", *path, body=body) if body else client.manage("GET", *path))


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
