"""A secret version as a part of a backup: its attributes, and the value as it is stored."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from apps.core.errors import BadRequest
from apps.domain.secrets.models import SecretVersion

KIND = "secret-version"
_PLAIN = ("version", "content_type", "enabled", "tags")
_TIMES = ("not_before", "expires", "created", "updated")


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
    fields: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    fields |= {name: value.isoformat() if (value := getattr(row, name)) else None for name in _TIMES}
    sealed = base64.b64encode(bytes(row.sealed)).decode("ascii")
    return orjson.dumps({"kind": KIND, "name": row.secret.name, "version": fields, "sealed": sealed})


def load(part: bytes) -> SecretPart:
    """A part of a genuine backup. Raises `BadSecretPart` for another kind."""
    loaded = orjson.loads(part)
    if loaded.get("kind") != KIND:
        raise BadSecretPart("The backup has a part that is no secret version.")
    fields = loaded["version"]
    for name in _TIMES:
        fields[name] = datetime.fromisoformat(fields[name]) if fields[name] else None
    return SecretPart(name=loaded["name"], version=fields, sealed=base64.b64decode(loaded["sealed"]))
