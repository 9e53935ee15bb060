"""The settings of log destinations, by kind. Pure.

Settings are texts. Credentials (`CREDENTIALS`) are encrypted with the vault's key and never shown again; the others
are stored and shown in clear.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import load_pem_x509_certificates

from apps.core.errors import BadRequest
from apps.core.outbound_http import AddressRefused, check_host, split_url

KINDS = ("directory", "s3", "azure-blob", "syslog", "webhook")
LONGEST_RETENTION_DAYS = 3660
_LONGEST_TEXT, _LONGEST_PEM = 1024, 32 * 1024
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]{0,99}(?:/[A-Za-z0-9][A-Za-z0-9._=-]{0,99}){0,9}\Z")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")
_REGION = re.compile(r"[a-z0-9-]{2,32}\Z")


class BadDestination(BadRequest):
    """The settings of a destination are invalid."""


class BadLogRetention(BadRequest):
    """The number of days is invalid."""


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of a kind of destination."""

    name: str
    required: bool = True
    credential: bool = False
    pem: bool = False


FIELDS: dict[str, tuple[Field, ...]] = {
    "directory": (Field("path"),),
    "s3": (
        Field("endpoint"),
        Field("region", required=False),
        Field("bucket"),
        Field("prefix", required=False),
        Field("ca_pem", required=False, pem=True),
        Field("access_key_id", credential=True),
        Field("secret_access_key", credential=True),
    ),
    "azure-blob": (
        Field("account_url"),
        Field("container"),
        Field("prefix", required=False),
        Field("ca_pem", required=False, pem=True),
        Field("account_key", required=False, credential=True),
        Field("sas_token", required=False, credential=True),
    ),
    "syslog": (
        Field("host"),
        Field("port"),
        Field("ca_pem", required=False, pem=True),
        Field("client_certificate", required=False, pem=True),
        Field("client_key", required=False, credential=True, pem=True),
    ),
    "webhook": (
        Field("url"),
        Field("ca_pem", required=False, pem=True),
        Field("secret", credential=True),
    ),
}
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
    _CHECKS[kind](config, credentials, stored)
    _check_authority(config.get("ca_pem", ""))
    return Settings(config, credentials)


def check_public_key(pem: str) -> None:
    """Raise `BadDestination` unless it is an RSA public key of at least 2048 bits, or "" for none."""
    if not pem:
        return
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
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


def seal_context(*, world: str, vault_id: str, destination_id: str, part: str) -> bytes:
    """The associated data of an encrypted part: credentials, or the secret for the encryption of segments.

    Starts with another word than a secret's (apps/domain/secrets/rules.py), length-prefixed like it, so that neither
    opens as the other or in another row.
    """
    parts = ("log-destination", world, vault_id, destination_id, part)
    return b"".join(len(part.encode()).to_bytes(2) + part.encode() for part in parts)


def _check_directory(config: dict[str, str], _credentials: Credentials, _stored: frozenset[str]) -> None:
    _check_path(config, "path")


def _check_s3(config: dict[str, str], _credentials: Credentials, _stored: frozenset[str]) -> None:
    _check_url(config["endpoint"], "endpoint")
    if not _BUCKET.match(config["bucket"]):
        raise BadDestination("The bucket's name has 3 to 63 lower-case letters, digits, hyphens and dots.")
    if not _REGION.match(config.get("region", "us-east-1")):
        raise BadDestination("The region is not one, as in eu-central-1.")
    _check_path(config, "prefix")


def _check_blob(config: dict[str, str], credentials: Credentials, stored: frozenset[str]) -> None:
    _check_url(config["account_url"], "account_url")
    if not _BUCKET.match(config["container"]):
        raise BadDestination("The container's name has 3 to 63 lower-case letters, digits and hyphens.")
    if len({"account_key", "sas_token"} & (set(credentials) or set(stored))) != 1:
        raise BadDestination("Give either the account key or a SAS token of the storage account.")
    if "account_key" in credentials:
        try:
            base64.b64decode(credentials["account_key"], validate=True)
        except (ValueError, binascii.Error):
            raise BadDestination("The account key is not base64.") from None
    _check_path(config, "prefix")


def _check_syslog(config: dict[str, str], credentials: Credentials, stored: frozenset[str]) -> None:
    try:
        check_host(config["host"])
    except AddressRefused as error:
        raise BadDestination(str(error)) from None
    if not config["port"].isascii() or not config["port"].isdigit() or not 0 < int(config["port"]) < 65536:
        raise BadDestination("The port is a number from 1 to 65535; syslog over TLS has 6514.")
    has_key = "client_key" in credentials or "client_key" in stored
    if has_key != ("client_certificate" in config):
        raise BadDestination("A client certificate and its key go together.")


def _check_webhook(config: dict[str, str], credentials: Credentials, _stored: frozenset[str]) -> None:
    _check_url(config["url"], "url")
    if "secret" not in credentials:
        return
    try:
        size = len(base64.b64decode(credentials["secret"].removeprefix("whsec_"), validate=True))
    except (ValueError, binascii.Error):
        size = 0
    if not credentials["secret"].startswith("whsec_") or not 24 <= size <= 64:
        raise BadDestination("The secret is 'whsec_' and the base64 of 24 to 64 random bytes (Standard Webhooks).")


def _check_url(url: str, name: str) -> None:
    try:
        split_url(url)
    except AddressRefused as error:
        raise BadDestination(f"The setting '{name}' is not a valid address. {error}") from None


def _check_path(config: dict[str, str], name: str) -> None:
    if config.get(name) and not _PATH.match(config[name]):
        raise BadDestination(
            f"The setting '{name}' has up to ten parts of letters, digits, dots, hyphens, '=' and underscores, with "
            "slashes between them, and none that begins with a dot."
        )


def _check_authority(pem: str) -> None:
    if not pem:
        return
    try:
        load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise BadDestination("The authority's certificate is not PEM.") from None


_CHECKS = {
    "directory": _check_directory,
    "s3": _check_s3,
    "azure-blob": _check_blob,
    "syslog": _check_syslog,
    "webhook": _check_webhook,
}
