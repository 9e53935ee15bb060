"""`portal key ...`"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from . import key_statement_commands
from .backends import backend_of, vault_backend_of
from .client import client_of
from .errors import ExitCode, usage_error
from .files import open_input, open_output, read_standard_input
from .object_commands import object_group
from .options import Name, Vault, Version, argument, option
from .output import Format, print_result, print_value

app = object_group("key", "Keys: they never leave the HSM; applications ask the vault to use them.")
key_statement_commands.add_commands(app)

_DEFAULT_PARAMETERS = {"RSA": "2048", "EC": "P-256", "oct": "256", "OKP": "Ed25519", "AKP": "ML-DSA-65"}
_PARAMETER_OPTIONS = {"RSA": "--size", "EC": "--curve", "oct": "--size", "OKP": "--curve", "AKP": "--algorithm"}
_CHUNK = 1024 * 1024
_LARGEST_KEY = 64 * 1024  # in PEM or JWK, or wrapped
_SMALLEST_SIGNATURE = 32  # HS256's
_LARGEST_SIGNATURE = 8192  # the longest is of ML-DSA-87, 4627 bytes
_LONGEST_MESSAGE = 8192  # bytes that Ed25519 and ML-DSA keys sign; other keys sign a digest


KeyType = Literal["RSA", "EC", "oct", "OKP", "AKP"]
KeyAlgorithm = Literal["ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "ML-KEM-768", "ML-KEM-1024"]
# Names of RFC 7518 sections 3.1 and 4.1, RFC 8037 and RFC 9964.
DigestAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES256K", "ES384", "ES512", "HS256", "HS384", "HS512"
]
MessageAlgorithm = Literal["EdDSA", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"]
KemAlgorithm = Literal["ML-KEM-768", "ML-KEM-1024"]
Algorithm = Literal[DigestAlgorithm, MessageAlgorithm]
WrapAlgorithm = Literal["A128KW", "A192KW", "A256KW", "RSA-OAEP", "RSA-OAEP-256", KemAlgorithm]

File = Annotated[Path, typer.Argument(help="the file; - is standard input", show_default=False)]
SigningAlgorithm = Annotated[Algorithm, option("--algorithm", "-a", text="signature algorithm")]
Software = Annotated[bool, typer.Option("--software", help="protected by software instead of the HSM, for tests")]


@app.command()
def create(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    type_: Annotated[KeyType, typer.Option("--type", help="type of key")] = "RSA",
    size: Annotated[str, option("--size", text="RSA: 2048, 3072, 4096; oct: 128, 192, 256")] = "",
    curve: Annotated[str, option("--curve", text="EC: P-256, P-384, P-521, P-256K; OKP: Ed25519")] = "",
    algorithm: Annotated[KeyAlgorithm | None, option("--algorithm", text="AKP: the key's only algorithm")] = None,
    software: Software = False,
) -> None:
    """Create a key in the HSM, or a new version of an existing key."""
    given = {"--size": size, "--curve": curve, "--algorithm": algorithm}
    if any(value and name != _PARAMETER_OPTIONS[type_] for name, value in given.items()):
        raise usage_error("RSA and oct keys have a --size, EC and OKP keys a --curve, AKP keys an --algorithm.")
    if size and not size.isdecimal():
        raise usage_error(f"'{size}' is not a number of bits.")
    parameter = curve or size or algorithm or _DEFAULT_PARAMETERS[type_]
    backend = backend_of(ctx)
    created = backend.create_key(vault, name, key_type=type_, parameter=parameter, hardware=not software)
    print_result(f"{name} is created in {vault}, version {created['version']}.", vault=vault, **created)


@app.command()
def rotate(ctx: typer.Context, name: Name, vault: Vault) -> None:
    """Rotate a key: create a new version now. Older versions still decrypt and verify."""
    created = backend_of(ctx).rotate_key(vault, name)
    print_result(f"{name} is rotated to version {created['version']}.", vault=vault, **created)


@app.command()
def policy(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    rotate_after: Annotated[
        int | None, typer.Option(min=0, max=3650, help="days after which it is rotated; 0: no automatic rotation")
    ] = None,
    expires_after: Annotated[
        int | None, typer.Option(min=0, max=3650, help="days after which a version expires; 0: never")
    ] = None,
) -> None:
    """Set a key's rotation policy; an option that is omitted is turned off. For security operations."""
    if rotate_after is None and expires_after is None:
        raise usage_error("Nothing to change: specify --rotate-after or --expires-after; 0 turns it off.")
    body = {
        "rotate_after_create": f"P{rotate_after}D" if rotate_after else "",
        "expiry_time": f"P{expires_after}D" if expires_after else "",
    }
    changed = client_of(ctx).manage("PUT", "vaults", vault, "keys", name, "rotation-policy", body=body)
    print_result(f"The rotation policy of {name} is set.", vault=vault, name=name, **(changed or body))


@app.command("import")
def import_(ctx: typer.Context, name: Name, vault: Vault, software: Software = False) -> None:
    """Import a private key (PEM without a password, or JWK) from standard input. Destroy the file afterwards."""
    text = read_standard_input(_LARGEST_KEY, "Paste the private key (PEM or JWK), then press Ctrl-D:")
    if not text.strip() or len(text) > _LARGEST_KEY:
        raise usage_error("Standard input must be a private key in PEM or JWK.")
    body = {"name": name, "key": text, "hardware": not software}
    created = client_of(ctx).manage("POST", "vaults", vault, "import-key", body=body)
    text = f"{name} is imported to {vault}, version {created['version']}. Destroy the file now, and every copy of it."
    print_result(text, vault=vault, **{**created, "name": name})


@app.command()
def sign(
    ctx: typer.Context,
    name: Name,
    file: File,
    vault: Vault,
    algorithm: SigningAlgorithm,
    version: Version = "",
    output: Annotated[Path | None, option("--output", "-o", text="write the raw signature to this file")] = None,
) -> None:
    """Sign a file, and print the signature in base64url.

    The file is hashed locally and only its digest is sent to the vault; for EdDSA and ML-DSA, the file itself is sent.
    """
    value = _signed_value(file, algorithm)
    result = vault_backend_of(ctx).use_key(vault, name, version, "sign", alg=algorithm, value=value)
    _write_binary(result, algorithm, "signature", output)


@app.command()
def verify(
    ctx: typer.Context,
    name: Name,
    file: File,
    signature: Annotated[str, argument("base64url, or a file with the raw signature")],
    vault: Vault,
    algorithm: SigningAlgorithm,
    version: Version = "",
) -> None:
    """Verify the signature of a file; exit code 1 if it is not valid."""
    body = {"alg": algorithm, "value": _read_signature(signature), "digest": _signed_value(file, algorithm)}
    valid = bool(vault_backend_of(ctx).use_key(vault, name, version, "verify", **body)["value"])
    print_result("The signature is valid." if valid else "The signature is NOT valid.", valid=valid)
    if not valid:
        raise typer.Exit(ExitCode.FAILED)


@dataclass(frozen=True)
class KeyWrapping:
    """The options of `wrap` and `unwrap`."""

    name: Name
    file: File
    vault: Vault
    algorithm: Annotated[WrapAlgorithm, option("--algorithm", "-a", text="wrapping algorithm")]
    version: Version = ""
    output: Annotated[
        Path | None, option("--output", "-o", text="write the raw bytes to this file, readable only by you")
    ] = None

    def read(self) -> bytes:
        """The file's content."""
        with open_input(self.file) as source:
            return source.read(_LARGEST_KEY)

    def send(self, ctx: typer.Context, operation: str, value: str) -> None:
        """Use the key, and write the result."""
        backend = vault_backend_of(ctx)
        result = backend.use_key(self.vault, self.name, self.version, operation, alg=self.algorithm, value=value)
        _write_binary(result, self.algorithm, "value", self.output, private=True)


@app.command()
def wrap(ctx: typer.Context, wrapping: KeyWrapping) -> None:
    """Wrap a key of your own, in raw bytes, so that only the vault can unwrap it. Prints the result in base64url."""
    if wrapping.algorithm in get_args(KemAlgorithm):
        raise usage_error("An ML-KEM key wraps only keys that the vault makes: use 'portal key encapsulate'.")
    wrapping.send(ctx, "wrapkey", _to_base64url(wrapping.read()))


@app.command()
def unwrap(ctx: typer.Context, wrapping: KeyWrapping) -> None:
    """Unwrap a key, in base64url or raw bytes, with the version that wrapped it. Prints the result in base64url."""
    data = wrapping.read()
    try:
        value = data.decode("ascii").strip()
        _from_base64url(value)
    except ValueError:
        value = _to_base64url(data)
    wrapping.send(ctx, "unwrapkey", value)


@app.command()
def encapsulate(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    algorithm: Annotated[KemAlgorithm, option("--algorithm", "-a", text="the algorithm of the ML-KEM key")],
    version: Version = "",
    output: Annotated[Path | None, option("--output", "-o", text="write the raw ciphertext to this file")] = None,
    secret: Annotated[
        Path | None, option("--secret", text="write the fresh key to this file, readable only by you")
    ] = None,
) -> None:
    """Get a fresh key of 32 bytes, and the ciphertext from which `portal key unwrap` gets it again.

    Prints both in base64url, the ciphertext first.
    """
    result = vault_backend_of(ctx).use_key(vault, name, version, "wrapkey", alg=algorithm)
    for path, member, private in ((output, "value", False), (secret, "shared_secret", True)):
        if path is not None:
            with open_output(path, private=private) as target:
                target.write(_from_base64url(result[member]))
    shown = [result[member] for path, member in ((output, "value"), (secret, "shared_secret")) if path is None]
    members = {"value": result["value"], **({} if secret else {"shared_secret": result["shared_secret"]})}
    if shown or Format.json:
        print_value("\n".join(shown), id=result["kid"], algorithm=algorithm, **members)


def _write_binary(
    result: dict[str, Any], algorithm: str, member: str, output: Path | None, *, private: bool = False
) -> None:
    """Write the result of a key operation to the file, or print it."""
    if output is not None:
        with open_output(output, private=private) as target:
            target.write(_from_base64url(result["value"]))
    if output is None or Format.json:
        print_value(result["value"], **{"id": result["kid"], "algorithm": algorithm, member: result["value"]})


def _signed_value(file: Path, algorithm: str) -> str:
    """The base64url of the digest, or the message, that the algorithm signs. Raises `CliError`."""
    if algorithm in get_args(MessageAlgorithm):
        with open_input(file) as source:
            message = source.read(_LONGEST_MESSAGE + 1)
        if len(message) > _LONGEST_MESSAGE:
            raise usage_error(f"{algorithm} signs up to {_LONGEST_MESSAGE} bytes. Sign a digest of the file instead.")
        return _to_base64url(message)
    digest = hashlib.new(f"sha{algorithm[2:5]}")
    with open_input(file) as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
    return _to_base64url(digest.digest())


def _read_signature(text: str) -> str:
    """The base64url of a signature that is given as such, or as a file. Raises `CliError`."""
    path = Path(text)
    try:
        if path.is_file():
            return _to_base64url(path.read_bytes()[: _LARGEST_SIGNATURE + 1])
    except OSError:
        pass  # a signature is not a valid file name, for example because of its length
    try:
        length = len(_from_base64url(text))
    except ValueError:
        length = 0
    if not _SMALLEST_SIGNATURE <= length <= _LARGEST_SIGNATURE:
        raise usage_error("The signature is neither a file nor base64url.")
    return text


def _to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    """Raises `ValueError`."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
