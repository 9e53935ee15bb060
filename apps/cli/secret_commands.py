"""`portal secret ...`. A value comes from standard input or a prompt: arguments are visible in process lists."""

import secrets
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from .backends import Backend, backend_of, secret_backend_of
from .errors import CliError, ExitCode, usage_error
from .object_commands import object_group
from .options import Name, Vault, Version, option
from .output import Format, print_json, print_object, print_result
from .vault_backend import VaultBackend

app = object_group("secret", "Secrets: values that applications read and set, and developers who have a role.")


@dataclass(frozen=True)
class NewValue:
    """The options of commands that set a value."""

    generate: Annotated[
        int | None, option("--generate", text="generate a random value of this length", min=16, max=1024)
    ] = None
    exact: Annotated[bool, typer.Option("--exact", help="keep the line break at the end of standard input")] = False
    content_type: Annotated[str, option("--content-type", text="media type of the value")] = ""

    def set(self, backend: Backend, vault: str, name: str, base: str | None) -> None:
        """Read the value and set it."""
        created = backend.set_value(vault, name, self._read(), self.content_type, base)
        print_result(f"{name} is set in {vault}, version {created['version']}.", vault=vault, **created)

    def _read(self) -> str:
        """Raises `CliError`."""
        if self.generate:
            return secrets.token_urlsafe(self.generate)[: self.generate]
        if sys.stdin.isatty():
            return str(typer.prompt("Value", hide_input=True, confirmation_prompt=True, err=True))
        try:
            text = sys.stdin.buffer.read().decode("utf-8")
        except UnicodeDecodeError:
            raise CliError("A secret's value is UTF-8 text. Encode binary data first, for example in base64.") from None
        value = text if self.exact else text.removesuffix("\n").removesuffix("\r")
        if not value:
            raise usage_error("Standard input is empty. The secret was not set.")
        return value


@app.command()
def show(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    version: Version = "",
    value: Annotated[bool, typer.Option("--value", help="print the value; this is recorded")] = False,
    reason: Annotated[str, option("--reason", text="required of people; recorded in the audit log")] = "",
) -> None:
    """Show a secret and its versions; its value only with --value."""
    if not value:
        print_object(backend_of(ctx).describe(vault, "secrets", name, version))
        return
    text = secret_backend_of(ctx).get_value(vault, name, version, reason)
    if Format.json:
        print_json({"vault": vault, "name": name, "value": text})
        return
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass"))  # programs need the exact value
    if sys.stdout.isatty():
        sys.stdout.buffer.write(b"\n")


@app.command("set")
def set_(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    value: NewValue,
    base: Annotated[str, option("--base", text="only if this version is still the current one; for people")] = "",
) -> None:
    """Set a secret from standard input or a prompt; an existing secret gets a new version."""
    value.set(secret_backend_of(ctx), vault, name, base or None)


@app.command()
def create(ctx: typer.Context, name: Name, vault: Vault, value: NewValue) -> None:
    """Create a secret that does not exist yet."""
    backend = secret_backend_of(ctx)
    if backend.exists(vault, "secrets", name):
        text = f"{name} already exists in {vault}. For a new version: portal secret rotate {name} --vault {vault}"
        raise CliError(text)
    value.set(backend, vault, name, "")


@app.command()
def rotate(ctx: typer.Context, name: Name, vault: Vault, value: NewValue) -> None:
    """Rotate a secret: set a new value. The old version stays enabled until it is disabled."""
    backend = secret_backend_of(ctx)
    if not backend.exists(vault, "secrets", name):
        raise CliError(f"There is no secret {name} in {vault}, or it is deleted.", ExitCode.NOT_FOUND)
    has_base = not isinstance(backend, VaultBackend)
    value.set(backend, vault, name, str(backend.describe(vault, "secrets", name)["version"]) if has_base else None)
