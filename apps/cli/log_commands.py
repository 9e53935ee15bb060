"""`portal log ...`: a vault's log destination, and how long its records are kept here."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .client import client_of
from .command_group import CommandGroup
from .errors import ExitCode, usage_error
from .files import read_text
from .options import VaultName, option
from .output import print_object, print_result

app = CommandGroup("Log destination (the owner's storage) and retention here. For security operations.")


@app.command()
def show(ctx: typer.Context, vault: VaultName) -> None:
    """Show a vault's log destination and its state; no credentials."""
    print_object(_manage(ctx, "GET", vault))


@app.command("set")
def set_(
    ctx: typer.Context,
    vault: VaultName,
    kind: Annotated[str, option("--kind", text="s3, azure-blob, syslog, webhook, directory")],
    setting: Annotated[list[str] | None, option("--setting", text="NAME=VALUE, or NAME=@FILE; may be repeated")] = None,
    credential: Annotated[
        list[str] | None, option("--credential", text="NAME, which prompts for its value, or NAME=@FILE")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="file of an RSA key (PEM) to which delivered records are encrypted")
    ] = None,
    no_public_key: Annotated[bool, typer.Option("--no-public-key", help="deliver without encryption")] = False,
    on_full: Annotated[
        str,
        typer.Option(
            help="if records cannot be delivered: go-on keeps serving and queues them, fail-closed blocks the vault; "
            "a new destination starts with go-on"
        ),
    ] = "",
) -> None:
    """Set a vault's log destination. What is omitted is kept; `--setting NAME=` removes a setting.

    Another kind of storage needs its own settings, another location its credentials.
    """
    if public_key and no_public_key:
        raise usage_error("Specify either --public-key or --no-public-key.")
    settings: dict[str, Any] = dict(_parse_setting(text) for text in setting or ())
    settings |= dict(_parse_credential(text) for text in credential or ())
    body: dict[str, Any] = {"kind": kind, "settings": settings}
    if public_key or no_public_key:
        body["public_key"] = read_text(public_key) if public_key else ""
    if on_full:
        body["on_full"] = on_full
    changed = _manage(ctx, "PUT", vault, body=body)
    print_result(f"The log destination of {vault} is set. To test it: portal log test {vault}", **changed)


@app.command("test")
def send_test_object(ctx: typer.Context, vault: VaultName) -> None:
    """Write a test object to the destination; exit code 1 if that fails."""
    result = _manage(ctx, "POST", vault, "test")
    print_result("The destination accepted the test object." if result["ok"] else result["error"], **result)
    if not result["ok"]:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def remove(ctx: typer.Context, vault: VaultName) -> None:
    """Remove the destination: records are kept only here. What was delivered stays where it is."""
    _manage(ctx, "DELETE", vault)
    print_result(f"The log of {vault} is no longer delivered.", vault=vault, kind=None)


@app.command()
def replay(
    ctx: typer.Context,
    vault: VaultName,
    first: Annotated[int, option("--first", text="number of the first record", min=0)],
    last: Annotated[int, option("--last", text="number of the last record", min=0)],
) -> None:
    """Deliver a range of records again."""
    result = _manage(ctx, "POST", vault, "replay", body={"first": first, "last": last})
    print_result(f"Records {first} to {last} will be delivered again.", **result)


@app.command(alias="keep")
def retention(
    ctx: typer.Context,
    vault: VaultName,
    days: Annotated[int, option("--days", text="1 to 3660 days; 0: indefinitely", min=0, max=3660)],
) -> None:
    """Set how long records are kept here."""
    client_of(ctx).manage("PUT", "vaults", vault, "log-retention", body={"days": days or None})
    period = f"for {days} days" if days else "indefinitely"
    print_result(f"Records of {vault} are kept {period}.", vault=vault, days=days or None)


def _manage(ctx: typer.Context, method: str, vault: str, *path: str, body: Any = None) -> Any:
    return client_of(ctx).manage(method, "vaults", vault, "log-destination", *path, body=body)


def _parse_setting(text: str) -> tuple[str, str]:
    """(name, value). Raises `CliError`."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise usage_error(f"'{text}' is not a setting: write --setting NAME=VALUE, or NAME=@FILE.")
    return name, read_text(Path(value[1:])) if value.startswith("@") else value


def _parse_credential(text: str) -> tuple[str, str]:
    """(name, value), from a file, a prompt or standard input; arguments are visible. Raises `CliError`."""
    name, equals, value = text.partition("=")
    if equals and not value.startswith("@"):
        raise usage_error(f"A credential cannot be an argument. Write --credential {name}, or {name}=@FILE.")
    if equals:
        return name, read_text(Path(value[1:]))
    if sys.stdin.isatty():
        return name, str(typer.prompt(name, hide_input=True, err=True))
    line = sys.stdin.buffer.readline().decode("utf-8", "replace").rstrip("\r\n")
    if not line:
        raise usage_error(f"Standard input has no line for {name}.")
    return name, line
