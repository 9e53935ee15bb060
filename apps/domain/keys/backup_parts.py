"""A key version as a part of a backup: its attributes, and the key as it is stored."""

import base64
from dataclasses import dataclass
from typing import Any

import orjson

from apps.core.errors import BadRequest
from apps.domain.keys.models import KeyVersion
from apps.domain.objects.backups import dump_version, load_version

KIND = "key-version"
_PLAIN = (
    "version",
    "custody",
    "key_type",
    "parameter",
    "public_exponent",
    "operations",
    "exportable",
    "release_policy",
    "enabled",
    "tags",
)
_BOUND = ("generation", "custody", "name", "version", "key_type", "parameter", "operations", "exportable")
_ORIGIN = {"origin": "", "restored": False}  # bound too; parts of earlier backups do not have them


class BadPart(BadRequest):
    """A part of a backup that is not a key version."""


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A part that was read: fields of a `KeyVersion` row, and those of its `ProtectedKey`."""

    version: dict[str, Any]
    protected: dict[str, Any]


def dump(row: KeyVersion) -> bytes:
    """The part of a ready version."""
    protected = row.protected
    if protected is None:
        raise TypeError("a ready version has its key")
    stored: dict[str, Any] = {name: getattr(protected, name) for name in (*_BOUND, *_ORIGIN)}
    stored |= {name: _text(getattr(protected, name)) for name in ("public_key", "blob", "mac")}
    return orjson.dumps({"kind": KIND, "version": dump_version(row, _PLAIN), "protected": stored})


def load(part: bytes) -> KeyPart:
    """A part of a genuine backup. Raises `BadPart` for another kind."""
    loaded = orjson.loads(part)
    if loaded.get("kind") != KIND:
        raise BadPart("The backup has a part that is no key version.")
    protected = _ORIGIN | loaded["protected"]
    for name in ("public_key", "blob", "mac"):
        protected[name] = base64.b64decode(protected[name])
    return KeyPart(version=load_version(loaded["version"]), protected=protected)


def _text(data: Any) -> str:
    return base64.b64encode(bytes(data)).decode("ascii")
