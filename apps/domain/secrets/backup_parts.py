"""A secret version as a part of a backup: its attributes, and the value as it is stored."""

import base64
from dataclasses import dataclass
from typing import Any

import orjson

from apps.core.errors import BadRequest
from apps.domain.objects.backups import dump_version, load_version
from apps.domain.secrets.models import SecretVersion

KIND = "secret-version"
_PLAIN = ("version", "content_type", "enabled", "tags")


class BadSecretPart(BadRequest):
    """A part of a backup that is no secret version."""


@dataclass(frozen=True, slots=True)
class SecretPart:
    """A part that was read: fields of a `SecretVersion` row, and the value sealed by the vault that it comes from."""

    name: str
    version: dict[str, Any]
    sealed: bytes


def dump(row: SecretVersion) -> bytes:
    """The part of a version."""
    fields = dump_version(row, _PLAIN)
    sealed = base64.b64encode(bytes(row.sealed)).decode("ascii")
    return orjson.dumps({"kind": KIND, "name": row.secret.name, "version": fields, "sealed": sealed})


def load(part: bytes) -> SecretPart:
    """A part of a genuine backup. Raises `BadSecretPart` for another kind."""
    loaded = orjson.loads(part)
    if loaded.get("kind") != KIND:
        raise BadSecretPart("The backup has a part that is no secret version.")
    return SecretPart(
        name=loaded["name"], version=load_version(loaded["version"]), sealed=base64.b64decode(loaded["sealed"])
    )
