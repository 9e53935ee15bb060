"""Identifiers of keys: `https://payroll.vault.example/keys/master`, with or without a version."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

_PATH = re.compile(r"/keys/(?P<name>[0-9A-Za-z-]{1,127})(?:/(?P<version>[0-9A-Za-z]{1,127}))?/?\Z")
_HOST = re.compile(r"[0-9a-z.-]+(?::[0-9]{1,5})?\Z")


class KeyReference(NamedTuple):
    """A key of a vault, without a version. Two references are equal if they name the same key."""

    vault_url: str  # https, the host in lower case, without a slash at the end
    name: str  # in lower case: Key Vault does not distinguish names by case

    def __str__(self) -> str:
        return f"{self.vault_url}/keys/{self.name}"


def parse_key(identifier: str) -> KeyReference:
    """Read the identifier of a key. Raises `ValueError`, also for an identifier with a version."""
    key, version = split_key_id(identifier)
    if version:
        raise ValueError(f"Leave the version out of {identifier}: the newest version is looked up.")
    return key


def split_key_id(identifier: str) -> tuple[KeyReference, str]:
    """Read an identifier into the key and the version, "" without one. Raises `ValueError`."""
    parts = urlsplit(identifier)
    path, host = _PATH.match(parts.path), parts.netloc.lower()
    if parts.scheme != "https" or not _HOST.match(host) or path is None or parts.query or parts.fragment:
        raise ValueError("A key is named by its identifier, such as https://payroll.vault.example/keys/master.")
    return KeyReference(f"https://{host}", path["name"].lower()), path["version"] or ""
