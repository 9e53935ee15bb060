"""`portal log ...`: where a vault's usage log goes, and how long it is kept here."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from . import names
from .client import client_of
from .options import Json, group
from .problems import Exit, Problem
from .rows import quoted
from .showing import document, done

app = group("The usage log's destination: a storage of the owner's, and retention here. For security operations.")

Name = Annotated[str, typer.Argument(help="the vault's name", show_default=False, autocompletion=names.vaults)]
Setting = Annotated[
    list[str] | None,
    typer.Option("--setting", help="NAME=VALUE, or NAME=@FILE; may be repeated", show_default=False),
]
Credential = Annotated[
    list[str] | None,
    typer.Option("--credential", help="NAME, whose value is asked for, or NAME=@FILE", show_default=False),
]


@app.command()
def show(ctx: typer.Context, vault: Name, as_json: Json = False) -> None:
    """Show where the log goes and how far it is; no credentials."""
    document(client_of(ctx.obj).manage("GET", _path(vault)), as_json=as_json)


@app.command("set")
def set_(
    ctx: typer.Context,
    vault: Name,
    kind: Annotated[str, typer.Option(help="s3, azure-blob, syslog, webhook, directory", show_default=False)],
    setting: Setting = None,
    credential: Credential = None,
    public_key: Annotated[
        Path | None, typer.Option(help="file of an RSA key (PEM): what is delivered is encrypted to it")
    ] = None,
    no_public_key: Annotated[bool, typer.Option("--no-public-key", help="what is delivered is not encrypted")] = False,
    on_full: Annotated[
        str,
        typer.Option(help="when records cannot leave for too long: go-on or fail-closed; at first go-on"),
    ] = "",
    as_json: Json = False,
) -> None:
    """Let the log go to a storage. What is not given stays as it was; `--setting NAME=` ends a setting.

    Another kind of storage needs its own settings, another place its credentials.
    """
    if public_key and no_public_key:
        raise Problem("Give either --public-key or --no-public-key.", Exit.USAGE)
    settings = dict(_assigned(text) for text in setting or ())
    settings |= dict(_credential(text) for text in credential or ())
    body: dict[str, Any] = {"kind": kind, "settings": settings}
    if public_key or no_public_key:
        body["public_key"] = _read(public_key) if public_key else ""
    if on_full:
        body["on_full"] = on_full
    made = client_of(ctx.obj).manage("PUT", _path(vault), body)
    done(f"The log of {vault} goes there. Try it: portal log test {vault}", as_json=as_json, **made)


@app.command("test")
def try_storage(ctx: typer.Context, vault: Name, as_json: Json = False) -> None:
    """Put a test object into the storage; exit code 1 when it does not take it."""
    told = client_of(ctx.obj).manage("POST", f"{_path(vault)}/test")
    done("The storage took it." if told["ok"] else told["error"], as_json=as_json, **told)
    if not told["ok"]:
        raise typer.Exit(Exit.REFUSED)


@app.command()
def remove(ctx: typer.Context, vault: Name, as_json: Json = False) -> None:
    """Keep the log here only; what was delivered stays where it is."""
    client_of(ctx.obj).manage("DELETE", _path(vault))
    done(f"The log of {vault} is kept here only.", as_json=as_json, vault=vault, kind=None)


@app.command()
def replay(
    ctx: typer.Context,
    vault: Name,
    first: Annotated[int, typer.Option(min=0, help="number of the first record", show_default=False)],
    last: Annotated[int, typer.Option(min=0, help="and of the last", show_default=False)],
    as_json: Json = False,
) -> None:
    """Deliver a range of records again."""
    told = client_of(ctx.obj).manage("POST", f"{_path(vault)}/replay", {"first": first, "last": last})
    done(f"Records {first} to {last} will be delivered again.", as_json=as_json, **told)


@app.command()
def keep(
    ctx: typer.Context,
    vault: Name,
    days: Annotated[int, typer.Option(min=0, max=3660, help="days from 1 to 3660; 0: for ever", show_default=False)],
    as_json: Json = False,
) -> None:
    """Say how long records stay here."""
    client_of(ctx.obj).manage("PUT", f"vaults/{quoted(vault)}/log-retention", {"days": days or None})
    text = f"for {days} days" if days else "for ever"
    done(f"Records of {vault} stay here {text}.", as_json=as_json, vault=vault, days=days or None)


def _path(vault: str) -> str:
    return f"vaults/{quoted(vault)}/log-destination"


def _assigned(text: str) -> tuple[str, str]:
    """(name, value). Raises `Problem`."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise Problem(f"'{text}' is no setting: write --setting NAME=VALUE, or NAME=@FILE.", Exit.USAGE)
    return name, _read(Path(value[1:])) if value.startswith("@") else value


def _credential(text: str) -> tuple[str, Any]:
    """(name, value), which no argument carries. Raises `Problem`."""
    name, equals, value = text.partition("=")
    if equals and not value.startswith("@"):
        raise Problem(f"A credential is no argument. Write --credential {name}, or {name}=@FILE.", Exit.USAGE)
    if equals:
        return name, _read(Path(value[1:]))
    if sys.stdin.isatty():
        return name, typer.prompt(name, hide_input=True, err=True)
    line = sys.stdin.buffer.readline().decode("utf-8", "replace").rstrip("\r\n")
    if not line:
        raise Problem(f"Standard input has no line for {name}.", Exit.USAGE)
    return name, line


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}.", Exit.USAGE) from None
