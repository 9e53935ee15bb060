"""Reading keys beyond what every kind offers: the facts that an answer shows, and rotation policies."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.core.sql import select_prepared
from apps.domain.keys.kind import KEYS, KeyItem
from apps.domain.keys.models import Key, KeyVersion, RotationPolicy
from apps.domain.objects.listing import Columns
from apps.domain.security_worlds.models import ProtectedKey


@dataclass(frozen=True, slots=True)
class KeyFacts(KeyItem):
    """A finished version of a key as its bundle shows it."""

    id: UUID
    operations: list[str]
    release_policy: dict[str, Any] | None
    public_key: bytes  # SPKI; nothing for an AES key


_COLUMNS = Columns(KeyFacts, o=Key, v=KeyVersion, p=ProtectedKey)
_FACTS = f"""
    SELECT {_COLUMNS.sql} FROM keys_key o JOIN keys_keyversion v ON {{on}} AND {KEYS.ready}
    JOIN worlds_protectedkey p ON p.id = v.protected_id
    WHERE o.vault_id = %s AND o.folded_name = %s AND o.deleted IS NULL"""  # noqa: S608  names are ours
_CURRENT_FACTS = _FACTS.format(on="v.id = o.current_id")
_NAMED_FACTS = _FACTS.format(on="v.key_id = o.id") + " AND v.version = %s"
_STATE = """
    SELECT v.id, k.name, k.managed, v.version, v.enabled FROM keys_key k JOIN keys_keyversion v ON v.key_id = k.id
    WHERE k.vault_id = %s AND k.folded_name = %s AND k.deleted IS NULL AND v.state = 'ready' AND v.version = %s"""
_CURRENT_VERSION = """
    SELECT v.version FROM keys_key k JOIN keys_keyversion v ON v.id = k.current_id
    WHERE k.vault_id = %s AND k.folded_name = %s AND k.deleted IS NULL"""


def find_facts(*, vault_id: UUID, name: str, version: str = "", lock: bool = False) -> KeyFacts:
    """The named or current version as it is now. Raises `KeyNotFound`. `lock`: in the caller's transaction."""
    sql, extra = (_NAMED_FACTS, [version.lower()]) if version else (_CURRENT_FACTS, [])
    rows = select_prepared(f"{sql} FOR UPDATE OF v" if lock else sql, [vault_id, name.lower(), *extra])
    if not rows:
        raise KEYS.not_found(name, version)
    return _COLUMNS.load(rows[0])


@dataclass(frozen=True, slots=True)
class VersionState:
    """A finished version without its public key, which the scheduler may not read."""

    id: UUID
    name: str
    managed: bool
    version: str
    enabled: bool


def find_state(*, vault_id: UUID, name: str, version: str, lock: bool = False) -> VersionState:
    """The named version as it is now. Raises `KeyNotFound`. `lock`: in the caller's transaction."""
    rows = select_prepared(f"{_STATE} FOR UPDATE OF v" if lock else _STATE, [vault_id, name.lower(), version])
    if not rows:
        raise KEYS.not_found(name, version)
    return VersionState(*rows[0])


def facts_of(row: KeyVersion) -> KeyFacts:
    """The facts of a row that was read with its key and its protected key."""
    if row.protected is None:
        raise TypeError("a ready version has its key")
    return KeyFacts(
        **{name: getattr(row, name) for name in _OF_THE_VERSION},
        name=row.key.name,
        managed=row.key.managed,
        public_key=bytes(row.protected.public_key),
    )


_OF_THE_VERSION = tuple(name for name in KeyFacts.__match_args__ if name not in {"name", "managed", "public_key"})


def current_version(vault_id: UUID, name: str) -> str:
    """The version that is current now. Raises `KeyNotFound`."""
    rows = select_prepared(_CURRENT_VERSION, [vault_id, name.lower()])
    if not rows:
        raise KEYS.not_found(name)
    return str(rows[0][0])


def find_rotation_policy(key: Key) -> RotationPolicy | None:
    """The key's rotation policy, if it has one of its own."""
    return RotationPolicy.objects.filter(key=key).first()
