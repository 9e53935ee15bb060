"""The commands of `portal key` for key statements: get one, verify one offline, and copy the program that verifies."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from . import verifiers
from .backends import backend_of
from .command_group import CommandGroup
from .files import open_output
from .options import Name, Vault, Version, argument, option
from .output import Format, print_result

_VERIFIER = "keyverify.py"
Output = Annotated[Path | None, option("--output", "-o", text="write it to this file")]


def add_commands(app: CommandGroup) -> None:
    """Add the commands to the group `key`."""
    app.command()(attestation)
    app.command("verify-attestation")(verify_attestation)
    app.command()(verifier)


def attestation(ctx: typer.Context, name: Name, vault: Vault, version: Version = "", output: Output = None) -> None:
    """Get a statement, signed in the HSM, about a key: its origin, protection, operations and place. Prints JSON."""
    statement = backend_of(ctx).key_attestation(vault, name, version)
    _write(json.dumps(statement, indent=2).encode() + b"\n", output)
    if output is not None:
        print_result(f"The statement about {name} is in {output}.", vault=vault, name=name, file=str(output))


def verify_attestation(
    file: Annotated[Path, argument("the statement, as `portal key attestation` writes it")],
    root: Annotated[str, option("--root", text="the authority's certificate (PEM file), or its SHA-256")],
    expect: Annotated[list[str] | None, option("--expect", text="FIELD=VALUE, such as key.origin=generated")] = None,
) -> None:
    """Verify a statement about a key offline; exit code 1 if it is not good."""
    options = [f"--expect={value}" for value in expect or []] + ["--json"] * Format.json
    program = verifiers.load(verifiers.find(_VERIFIER))
    raise typer.Exit(int(program.main([str(file), f"--root={root}", *options])))


def verifier(output: Output = None) -> None:
    """Write the program that verifies statements: one file, for Python with the package cryptography."""
    _write(verifiers.find(_VERIFIER).read_bytes(), output)
    if output is not None:
        print_result(f"The verifier is in {output}.", file=str(output))


def _write(content: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(content)
        return
    with open_output(output) as target:
        target.write(content)
