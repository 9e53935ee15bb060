"""`portal key ...`"""

import base64
import binascii
import hashlib
import os
import stat
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from .client import client_of
from .doors import door_of, using
from .object_commands import add_common
from .options import Json, Name, Vault, Version, group
from .problems import Exit, Problem
from .rows import quoted
from .showing import document, done, note, say

app = group("Keys: they never leave the HSM; applications ask the vault to use them.")
add_common(app, "keys")

_DEFAULTS = {"RSA": "2048", "EC": "P-256", "oct": "256"}
_CHUNK = 1024 * 1024
_LARGEST_KEY = 64 * 1024  # in PEM or JWK, or wrapped
_SMALLEST_SIGNATURE = 32  # HS256's; the longest is of RSA 4096
_LARGEST_SIGNATURE = 4096


class KeyType(StrEnum):
    RSA = "RSA"
    EC = "EC"
    OCT = "oct"


class Algorithm(StrEnum):
    """JWA's names (RFC 7518 section 3.1)."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES256K = "ES256K"
    ES384 = "ES384"
    ES512 = "ES512"
    HS256 = "HS256"
    HS384 = "HS384"
    HS512 = "HS512"


class Wrapping(StrEnum):
    """JWA's names (RFC 7518 section 4.1)."""

    A128KW = "A128KW"
    A192KW = "A192KW"
    A256KW = "A256KW"
    RSA_OAEP = "RSA-OAEP"
    RSA_OAEP_256 = "RSA-OAEP-256"


Type = Annotated[KeyType, typer.Option("--type", help="kind of key")]
Size = Annotated[str, typer.Option(help="RSA: 2048, 3072, 4096; oct: 128, 192, 256", show_default=False)]
Curve = Annotated[str, typer.Option(help="EC: P-256, P-384, P-521, P-256K", show_default=False)]
Software = Annotated[bool, typer.Option("--software", help="protected by software, for tests, not by the HSM")]
File = Annotated[Path, typer.Argument(help="the file; - is standard input", show_default=False)]
With = Annotated[Algorithm, typer.Option("--algorithm", "-a", help="how to sign", show_default=False)]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="write the raw signature here", show_default=False)]
How = Annotated[Wrapping, typer.Option("--algorithm", "-a", help="how to wrap", show_default=False)]
Raw = Annotated[
    Path | None, typer.Option("--output", "-o", help="write the raw bytes here, for you alone", show_default=False)
]


@app.command()
def create(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    type_: Type = KeyType.RSA,
    size: Size = "",
    curve: Curve = "",
    software: Software = False,
    as_json: Json = False,
) -> None:
    """Make a key in the HSM, or a new version of the one that has the name."""
    if (curve and type_ is not KeyType.EC) or (size and type_ is KeyType.EC):
        raise Problem("RSA and oct keys have a --size, EC keys a --curve.", Exit.USAGE)
    if size and not size.isdecimal():
        raise Problem(f"'{size}' is no number of bits.", Exit.USAGE)
    parameter = curve or size or _DEFAULTS[type_]
    made = door_of(ctx).create_key(vault, name, key_type=type_.value, parameter=parameter, hardware=not software)
    done(f"{name} is ready in {vault}, version {made['version']}.", as_json=as_json, vault=vault, **made)


@app.command()
def rotate(ctx: typer.Context, name: Name, vault: Vault, as_json: Json = False) -> None:
    """Make a new version of a key now. Older versions still decrypt and verify."""
    made = door_of(ctx).rotate_key(vault, name)
    done(f"{name} is rolled to version {made['version']}.", as_json=as_json, vault=vault, **made)


@app.command()
def policy(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    rotate_after: Annotated[
        int | None, typer.Option(min=0, max=3650, help="days after which there is a new version by itself; 0: never")
    ] = None,
    expires_after: Annotated[
        int | None, typer.Option(min=0, max=3650, help="days after which a version expires; 0: never")
    ] = None,
    as_json: Json = False,
) -> None:
    """Set when a key rolls by itself; what is not given is switched off. For security operations."""
    if rotate_after is None and expires_after is None:
        raise Problem("Nothing to change: name --rotate-after or --expires-after, 0 for never.", Exit.USAGE)
    body = {
        "rotate_after_create": f"P{rotate_after}D" if rotate_after else "",
        "expiry_time": f"P{expires_after}D" if expires_after else "",
    }
    told = client_of(ctx.obj).manage("PUT", f"vaults/{quoted(vault)}/keys/{quoted(name)}/rotation-policy", body)
    done(f"The rotation policy of {name} is set.", as_json=as_json, vault=vault, name=name, **(told or body))


@app.command("import")
def import_(ctx: typer.Context, name: Name, vault: Vault, software: Software = False, as_json: Json = False) -> None:
    """Bring a key from outside, in PEM without a password or as a JWK, on standard input. Destroy the file then."""
    if sys.stdin.isatty():
        note("Paste the private key (PEM or JWK), then press Ctrl-D:")
    text = sys.stdin.buffer.read(_LARGEST_KEY + 1).decode("utf-8", "replace")
    if not text.strip() or len(text) > _LARGEST_KEY:
        raise Problem("Standard input was no key: give a private key in PEM or as a JWK.", Exit.USAGE)
    body = {"name": name, "key": text, "hardware": not software}
    made = client_of(ctx.obj).manage("POST", f"vaults/{quoted(vault)}/import-key", body)
    text = f"{name} is in {vault}, version {made['version']}. Destroy the file now, and every copy of it."
    done(text, as_json=as_json, vault=vault, **{**made, "name": name})


@app.command()
def sign(
    ctx: typer.Context,
    name: Name,
    file: File,
    vault: Vault,
    algorithm: With,
    version: Version = "",
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Sign a file. It is hashed here; only its digest goes to the vault. Prints the signature in base64url."""
    answer = using(ctx).sign(vault, name, version, algorithm=algorithm.value, digest=_digest(file, algorithm))
    if output is not None:
        try:
            output.write_bytes(_from_base64url(answer["value"]))
        except OSError as error:
            raise _unwritable(output, error) from None
    if as_json:
        document({"id": answer["kid"], "algorithm": algorithm.value, "signature": answer["value"]}, as_json=True)
    elif output is None:
        say(answer["value"])


@app.command()
def verify(
    ctx: typer.Context,
    name: Name,
    file: File,
    signature: Annotated[str, typer.Argument(help="base64url, or a file with the raw signature", show_default=False)],
    vault: Vault,
    algorithm: With,
    version: Version = "",
    as_json: Json = False,
) -> None:
    """Whether a signature of a file is good; exit code 1 when it is not."""
    given = _signature(signature)
    digest = _digest(file, algorithm)
    good = using(ctx).verify(vault, name, version, algorithm=algorithm.value, digest=digest, signature=given)
    done("The signature is good." if good else "The signature is NOT good.", as_json=as_json, valid=good)
    if not good:
        raise typer.Exit(Exit.REFUSED)


@app.command()
def wrap(
    ctx: typer.Context,
    name: Name,
    file: File,
    vault: Vault,
    algorithm: How,
    version: Version = "",
    output: Raw = None,
    as_json: Json = False,
) -> None:
    """Wrap a key of your own, raw bytes, so that only the vault opens it. Prints it wrapped, in base64url."""
    given = _to_base64url(_read(file))
    answer = using(ctx).use(vault, name, version, "wrapkey", algorithm=algorithm.value, value=given)
    _give(answer, algorithm, output, as_json=as_json)


@app.command()
def unwrap(
    ctx: typer.Context,
    name: Name,
    file: File,
    vault: Vault,
    algorithm: How,
    version: Version = "",
    output: Raw = None,
    as_json: Json = False,
) -> None:
    """Open a wrapped key, base64url or raw bytes, with the version that wrapped it. Prints it in base64url."""
    given = _wrapped(_read(file))
    answer = using(ctx).use(vault, name, version, "unwrapkey", algorithm=algorithm.value, value=given)
    _give(answer, algorithm, output, as_json=as_json)


def _give(answer: dict[str, Any], algorithm: Wrapping, output: Path | None, *, as_json: bool) -> None:
    if output is not None:
        try:
            private = os.open(output, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(private, "wb") as file:
                if stat.S_ISREG(os.fstat(private).st_mode):
                    os.fchmod(private, 0o600)  # one that was there had its own mode
                    file.truncate()
                file.write(_from_base64url(answer["value"]))
        except OSError as error:
            raise _unwritable(output, error) from None
    if as_json:
        document({"id": answer["kid"], "algorithm": algorithm.value, "value": answer["value"]}, as_json=True)
    elif output is None:
        say(answer["value"])


def _unwritable(output: Path, error: OSError) -> Problem:
    return Problem(f"{output} cannot be written: {error.strerror}.", Exit.USAGE)


def _read(file: Path) -> bytes:
    """Raises `Problem`."""
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as source:
            return source.read(_LARGEST_KEY)
    except OSError as error:
        raise Problem(f"{file} cannot be read: {error.strerror}.", Exit.USAGE) from None


def _wrapped(data: bytes) -> str:
    """As base64url, which it may be already."""
    try:
        text = data.decode("ascii").strip()
        _from_base64url(text)
    except (ValueError, binascii.Error):
        return _to_base64url(data)
    return text


def _digest(file: Path, algorithm: Algorithm) -> str:
    """Base64url of the digest that the algorithm names. Raises `Problem`."""
    digest = hashlib.new(f"sha{algorithm.value[2:5]}")
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as source:
            while piece := source.read(_CHUNK):
                digest.update(piece)
    except OSError as error:
        raise Problem(f"{file} cannot be read: {error.strerror}.", Exit.USAGE) from None
    return _to_base64url(digest.digest())


def _signature(text: str) -> str:
    path = Path(text)
    try:
        if path.is_file():
            return _to_base64url(path.read_bytes()[: _LARGEST_SIGNATURE + 1])
    except OSError:
        pass  # a signature is no name of a file: too long, for example
    try:
        length = len(_from_base64url(text))
    except (ValueError, binascii.Error):
        length = 0
    if not _SMALLEST_SIGNATURE <= length <= _LARGEST_SIGNATURE:
        raise Problem("The signature is neither a file nor base64url.", Exit.USAGE)
    return text


def _to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
