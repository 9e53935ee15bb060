"""The settings of log destinations, by kind. Pure.

Settings are texts. Credentials (`CREDENTIALS`) are encrypted with the vault's key and never shown again; the others
are stored and shown in clear.
"""

import base64
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.core.errors import BadRequest
from apps.core.foreign_certificates import read_certificates_pem
from apps.core.outbound_http import AddressRefused, check_host, split_url, tls_context
from apps.core.pem import read_pem
from apps.core.standard_webhooks import BadSigningSecret, key_of

LONGEST_RETENTION_DAYS = 3660
_LONGEST_TEXT, _LONGEST_PEM = 1024, 32 * 1024
Check = Callable[[str, str], None]


class BadDestination(BadRequest):
    """The settings of a destination are invalid."""


class BadLogRetention(BadRequest):
    """The number of days is invalid."""


def _matches(pattern: str, sentence: str) -> Check:
    """Make the check of a text by a regular expression."""
    compiled = re.compile(pattern)

    def check(name: str, text: str) -> None:
        if not compiled.fullmatch(text):
            raise BadDestination(sentence.format(name=name))

    return check


def _check_url(name: str, text: str) -> None:
    try:
        split_url(text)
    except AddressRefused as error:
        raise BadDestination(f"The setting '{name}' is not a valid address. {error}") from None


def _check_host(_name: str, text: str) -> None:
    try:
        check_host(text)
    except AddressRefused as error:
        raise BadDestination(str(error)) from None


def _check_port(_name: str, text: str) -> None:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise BadDestination("The port is a number from 1 to 65535; syslog over TLS has 6514.")


def _check_authority(_name: str, text: str) -> None:
    try:
        read_certificates_pem(text.encode())
        tls_context(text)  # as the connection will
    except (ssl.SSLError, ValueError) as error:
        raise BadDestination(f"The authority's certificate cannot be read: {error}") from None


def _check_account_key(_name: str, text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        raise BadDestination("The account key is not base64.") from None


def _check_signing_secret(_name: str, text: str) -> None:
    try:
        key_of(text)
    except BadSigningSecret as error:
        raise BadDestination(error.message) from None


_check_path = _matches(
    r"[A-Za-z0-9][A-Za-z0-9._=-]{0,99}(?:/[A-Za-z0-9][A-Za-z0-9._=-]{0,99}){0,9}",
    "The setting '{name}' has up to ten parts of letters, digits, dots, hyphens, '=' and underscores, with slashes "
    "between them, and none that begins with a dot.",
)
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_check_bucket = _matches(_BUCKET, "The bucket's name has 3 to 63 lower-case letters, digits, hyphens and dots.")
_check_container = _matches(_BUCKET, "The container's name has 3 to 63 lower-case letters, digits and hyphens.")
_check_region = _matches(r"[a-z0-9-]{2,32}", "The region is not one, as in eu-central-1.")


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a kind of destination. `check` takes name and text and raises `BadDestination`."""

    name: str
    required: bool = True
    credential: bool = False
    pem: bool = False
    check: Check = lambda _name, _text: None


_PREFIX = Field("prefix", required=False, check=_check_path)
_AUTHORITY = Field("ca_pem", required=False, pem=True, check=_check_authority)
FIELDS: dict[str, tuple[Field, ...]] = {
    "directory": (Field("path", check=_check_path),),
    "s3": (
        Field("endpoint", check=_check_url),
        Field("region", required=False, check=_check_region),
        Field("bucket", check=_check_bucket),
        _PREFIX,
        _AUTHORITY,
        Field("access_key_id", credential=True),
        Field("secret_access_key", credential=True),
    ),
    "azure-blob": (
        Field("account_url", check=_check_url),
        Field("container", check=_check_container),
        _PREFIX,
        _AUTHORITY,
        Field("account_key", required=False, credential=True, check=_check_account_key),
        Field("sas_token", required=False, credential=True),
    ),
    "syslog": (
        Field("host", check=_check_host),
        Field("port", check=_check_port),
        _AUTHORITY,
        Field("client_certificate", required=False, pem=True),
        Field("client_key", required=False, credential=True, pem=True),
    ),
    "webhook": (
        Field("url", check=_check_url),
        _AUTHORITY,
        Field("secret", credential=True, check=_check_signing_secret),
    ),
}
KINDS = tuple(FIELDS)
CREDENTIALS = frozenset(field.name for fields in FIELDS.values() for field in fields if field.credential)


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings; `repr` shows no credential."""

    config: dict[str, str]
    credentials: "Credentials"


class Credentials(dict[str, str]):
    """The credentials of the owner's storage."""

    def __repr__(self) -> str:
        return f"Credentials({', '.join(sorted(self))})"

    __str__ = __repr__


def check_settings(kind: str, given: Mapping[str, str], stored: frozenset[str] = frozenset()) -> Settings:
    """Separate settings and credentials. `stored`: credentials that are stored already and may be left out.

    Raises `BadDestination` with a message that names the setting.
    """
    if kind not in FIELDS:
        raise BadDestination(f"There is no kind of destination '{kind[:40]}'. Kinds: {', '.join(KINDS)}.")
    fields = {field.name: field for field in FIELDS[kind]}
    unknown = sorted(set(given) - set(fields))
    if unknown:
        raise BadDestination(f"A destination of kind {kind} has no setting '{unknown[0][:40]}'.")
    config: dict[str, str] = {}
    credentials = Credentials()
    for name, field in fields.items():
        text = given.get(name, "")
        if not isinstance(text, str) or len(text) > (_LONGEST_PEM if field.pem else _LONGEST_TEXT) or "\x00" in text:
            raise BadDestination(f"The setting '{name}' is not a text, or too long.")
        text = text.strip()
        if not text and field.required and name not in stored:
            raise BadDestination(f"The setting '{name}' is missing.")
        if text:
            (credentials if field.credential else config)[name] = text
    for name, text in (config | credentials).items():
        fields[name].check(name, text)
    _check_combination(kind, config, frozenset(credentials), stored)
    return Settings(config, credentials)


def check_public_key(pem: str) -> None:
    """Raise `BadDestination` unless it is an RSA public key of at least 2048 bits, or "" for none."""
    if not pem:
        return
    try:
        [block] = read_pem(pem.encode())
        key = serialization.load_pem_public_key(block.text())
    except (ValueError, UnsupportedAlgorithm):  # not one block, or no public key
        key = None
    if not isinstance(key, rsa.RSAPublicKey) or not 2048 <= key.key_size <= 8192:
        raise BadDestination("The public key must be an RSA key in PEM ('BEGIN PUBLIC KEY'), 2048 bits or longer.")


def check_encryption(kind: str, pem: str) -> None:
    """Raise `BadDestination` for encryption to a receiver of single lines."""
    if pem and kind == "syslog":
        raise BadDestination("Syslog carries records line by line: they cannot be encrypted to a key. TLS does that.")


def check_retention_days(days: int | None) -> None:
    """Check a number of days; None: indefinitely. Raises `BadLogRetention`."""
    if days is not None and not 1 <= days <= LONGEST_RETENTION_DAYS:
        raise BadLogRetention(f"Keep records for 1 to {LONGEST_RETENTION_DAYS} days, or forever.")


def is_shorter(before: int | None, after: int | None) -> bool:
    """Return whether records would be deleted earlier than before."""
    return after is not None and (before is None or after < before)


def place(kind: str, config: Mapping[str, str]) -> str:
    """Describe the place of a destination in one line, for people and to detect that it changes."""
    if kind == "directory":
        return f"directory {config['path']}"
    if kind == "s3":
        return "/".join(filter(None, (config["endpoint"].rstrip("/"), config["bucket"], config.get("prefix", ""))))
    if kind == "azure-blob":
        return "/".join(filter(None, (config["account_url"].rstrip("/"), config["container"], config.get("prefix"))))
    return f"syslog {config['host']}:{config['port']}" if kind == "syslog" else config["url"]


SEALED_PARTS = ("credentials", "segments")


def seal_context(*, world: str, vault_id: str, destination_id: str, part: str) -> bytes:
    """The associated data of an encrypted part: credentials, or the secret for the encryption of segments.

    Starts with another word than a secret's (apps/domain/secrets/rules.py), length-prefixed like it, so that neither
    opens as the other or in another row.
    """
    parts = ("log-destination", world, vault_id, destination_id, part)
    return b"".join(len(part.encode()).to_bytes(2) + part.encode() for part in parts)


def _check_combination(kind: str, config: Mapping[str, str], entered: frozenset[str], stored: frozenset[str]) -> None:
    """Check which settings go together. `entered`, `stored`: names of credentials."""
    if kind == "azure-blob" and len({"account_key", "sas_token"} & (entered or stored)) != 1:
        raise BadDestination("Give either the account key or a SAS token of the storage account.")
    if kind == "syslog" and ("client_key" in entered | stored) != ("client_certificate" in config):
        raise BadDestination("A client certificate and its key go together.")
