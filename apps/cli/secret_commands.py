"""`portal secret ...`. A value comes from standard input or a prompt; arguments are in histories and process lists."""

import secrets
import sys
from typing import Annotated, Any

import typer

from .developing import Developing
from .doors import door_of, values_of
from .object_commands import add_common
from .options import Json, Name, Vault, Version, group
from .problems import Exit, Problem
from .showing import document, done
from .vaults import Vaults

app = group("Secrets: sealed values, which applications read and set, and developers where they have a role.")
add_common(app, "secrets")

Generate = Annotated[
    int | None,
    typer.Option(
        "--generate", min=16, max=1024, help="make up a random value of so many characters", show_default=False
    ),
]
Exact = Annotated[bool, typer.Option("--exact", help="keep the line end that standard input closes with")]
Base = Annotated[
    str, typer.Option("--base", help="only if this version is the current one still; for people", show_default=False)
]
Reason = Annotated[str, typer.Option("--reason", help="people say why they look; auditors read it", show_default=False)]
ContentType = Annotated[str, typer.Option("--content-type", help="what the value is", show_default=False)]


@app.command()
def show(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    version: Version = "",
    value: Annotated[bool, typer.Option("--value", help="print the value; the use is recorded")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Show a secret and its versions; its value with --value alone."""
    if not value:
        document(door_of(ctx).facts(vault, "secrets", name, version), as_json=as_json)
        return
    found = values_of(ctx).value(vault, name, version, reason)
    if as_json:
        document({"vault": vault, "name": name, "value": found}, as_json=True)
        return
    sys.stdout.buffer.write(found.encode("utf-8", "surrogatepass"))  # a program gets the value as it is
    if sys.stdout.isatty():
        sys.stdout.buffer.write(b"\n")


@app.command("set")
def set_(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    generate: Generate = None,
    exact: Exact = False,
    content_type: ContentType = "",
    base: Base = "",
    as_json: Json = False,
) -> None:
    """Set a secret, from standard input or a prompt; an existing one gets a new version."""
    door = values_of(ctx)
    _set(door, vault, name, _value(generate, exact=exact), content_type, base or None, as_json=as_json)


@app.command()
def create(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    generate: Generate = None,
    exact: Exact = False,
    content_type: ContentType = "",
    as_json: Json = False,
) -> None:
    """Set a secret that is not there yet."""
    door = values_of(ctx)
    if door.exists(vault, "secrets", name):
        text = f"There is a secret {name} in {vault}. For a new version: portal secret rotate {name} --vault {vault}"
        raise Problem(text)
    _set(door, vault, name, _value(generate, exact=exact), content_type, "", as_json=as_json)


@app.command()
def rotate(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    generate: Generate = None,
    exact: Exact = False,
    content_type: ContentType = "",
    as_json: Json = False,
) -> None:
    """Give an existing secret a new value; the old version stays until somebody disables it."""
    door = values_of(ctx)
    if not door.exists(vault, "secrets", name):
        raise Problem(f"There is no secret {name} in {vault}, or it is deleted.", Exit.NOT_FOUND)
    base = str(door.facts(vault, "secrets", name, "")["version"]) if isinstance(door, Developing) else None
    _set(door, vault, name, _value(generate, exact=exact), content_type, base, as_json=as_json)


def _set(
    door: Vaults | Developing, vault: str, name: str, value: str, content_type: str, base: str | None, *, as_json: bool
) -> None:
    made: dict[str, Any] = door.set_value(vault, name, value, content_type, base)
    done(f"{name} is set in {vault}, version {made['version']}.", as_json=as_json, vault=vault, **made)


def _value(generate: int | None, *, exact: bool) -> str:
    """A value that no argument carries. Raises `Problem`."""
    if generate:
        return secrets.token_urlsafe(generate)[:generate]
    if sys.stdin.isatty():
        return str(typer.prompt("Value", hide_input=True, confirmation_prompt=True, err=True))
    try:
        read = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise Problem("A secret's value is text in UTF-8. Encode bytes first, with base64 for example.") from None
    value = read if exact else read.removesuffix("\n").removesuffix("\r")
    if not value:
        raise Problem("Standard input was empty: nothing was set.", Exit.USAGE)
    return value
