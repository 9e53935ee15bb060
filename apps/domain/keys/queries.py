"""Reading keys. A key without a current version is not there: its first version is still being made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.core.errors import NotFound
from apps.core.ttl_cache import ShortTtlCache
from apps.domain.keys.models import Key, KeyVersion, RotationPolicy
from apps.domain.objects import soft_delete


class KeyNotFound(NotFound):
    """No such key, or no such version of it, in this vault."""


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What the hot path must know of a version, in the order of `_FACTS`; at most a second old."""

    id: UUID
    name: str
    version: str
    key_type: str
    parameter: str
    operations: list[str]
    enabled: bool
    not_before: datetime | None
    expires: datetime | None
    custody: str

    @property
    def hardware(self) -> bool:
        """Whether the key is used inside the HSM only."""
        return self.custody == "wrapped"


_ids: ShortTtlCache[UUID | None] = ShortTtlCache(maxsize=50_000)
_FACTS = (
    "id",
    "key__name",
    "version",
    "key_type",
    "parameter",
    "operations",
    "enabled",
    "not_before",
    "expires",
    "custody",
)
_facts: ShortTtlCache[VersionFacts] = ShortTtlCache(maxsize=50_000)


def find_key_id(*, vault_id: UUID, name: str) -> UUID | None:
    """The key's row, for object-level assignments; None when there is no such key. At most a second old."""
    folded = name.lower()

    def load() -> UUID | None:
        return Key.objects.filter(vault_id=vault_id, folded_name=folded).values_list("pk", flat=True).first()

    return _ids.get((vault_id, folded), load)


def find_facts(*, vault_id: UUID, name: str, version: str = "") -> VersionFacts:
    """The named or current version. Which one is current is asked now: who rolled a key uses the new version at once.

    What the version is, and whether it is enabled, is at most a second old. Raises `KeyNotFound`.
    """
    version = version.lower() or _current_version(vault_id, name)

    def load() -> VersionFacts:
        rows = KeyVersion.objects.filter(
            key__vault_id=vault_id,
            key__folded_name=name.lower(),
            key__deleted__isnull=True,
            version=version,
            state=KeyVersion.State.READY,
        )
        row = next(iter(rows.values_list(*_FACTS)[:1]), None)
        if row is None:
            raise KeyNotFound(_missing(name, version))
        return VersionFacts(*row)

    return _facts.get((vault_id, name.lower(), version), load)


def _current_version(vault_id: UUID, name: str) -> str:
    rows = _live(vault_id).filter(folded_name=name.lower())
    found = rows.values_list("current__version", flat=True).first()
    if found is None:
        raise KeyNotFound(_missing(name, ""))
    return str(found)


def get_version(*, vault_id: UUID, name: str, version: str = "") -> KeyVersion:
    """The named version, or the current one. Raises `KeyNotFound`."""
    rows = KeyVersion.objects.select_related("key", "protected").filter(state=KeyVersion.State.READY)
    rows = rows.filter(key__deleted__isnull=True)
    if version:
        rows = rows.filter(key__vault_id=vault_id, key__folded_name=name.lower(), version=version.lower())
    else:
        # Through the pointer, so that the newest is the same for everybody.
        current = Key.objects.filter(vault_id=vault_id, folded_name=name.lower()).values("current")
        rows = rows.filter(pk__in=current)
    row = rows.first()
    if row is None:
        raise KeyNotFound(_missing(name, version))
    return row


def list_keys(*, vault_id: UUID, after: str = "", limit: int) -> list[Key]:
    """Keys by name, with their current versions. `after` is the folded name that the last page ended with."""
    rows = _live(vault_id).filter(folded_name__gt=after)
    return list(rows.select_related("current").order_by("folded_name")[:limit])


def list_versions(*, vault_id: UUID, name: str, after: str = "", limit: int) -> list[KeyVersion]:
    """Versions of a key by version id; empty for a key that is not there (wire-contract.md section 5)."""
    rows = KeyVersion.objects.filter(
        key__vault_id=vault_id,
        key__folded_name=name.lower(),
        key__deleted__isnull=True,
        state=KeyVersion.State.READY,
        version__gt=after,
    )
    return list(rows.select_related("key").order_by("version")[:limit])


def invalidate(*, vault_id: UUID, name: str, version: str = "") -> None:
    """Let this process see its own change at once."""
    _ids.invalidate((vault_id, name.lower()))
    _facts.invalidate((vault_id, name.lower(), version))


def get_deleted(*, vault_id: UUID, name: str) -> Key:
    """The deleted key of that name, with its newest version. Raises `KeyNotFound`."""
    rows = Key.objects.filter(vault_id=vault_id, folded_name=name.lower(), deleted__isnull=False)
    key = rows.select_related("current__protected", "current__key").first()
    if key is None:
        raise deleted_not_found(name)
    return key


def list_deleted(*, vault_id: UUID, after: str = "", limit: int) -> Sequence[Key]:
    """Deleted keys by name."""
    return soft_delete.list_deleted(Key, vault_id=vault_id, after=after, limit=limit)


def all_versions(key: Key) -> list[KeyVersion]:
    """The ready versions, oldest first."""
    rows = KeyVersion.objects.filter(key=key, state=KeyVersion.State.READY)
    return list(rows.select_related("protected", "key").order_by("created", "pk"))


def find_rotation_policy(key: Key) -> RotationPolicy | None:
    """The key's rotation policy, if it has one of its own."""
    return RotationPolicy.objects.filter(key=key).first()


def invalidate_all(*, vault_id: UUID, name: str) -> None:
    """Let this process see at once that a key came or went, with every version of it."""
    _ids.invalidate((vault_id, name.lower()))
    _facts.clear()


def not_found(name: str) -> KeyNotFound:
    """The error for a name that no live key has."""
    return KeyNotFound(_missing(name, ""))


def deleted_not_found(name: str) -> KeyNotFound:
    """The error for a name that no deleted key has."""
    return KeyNotFound(f"Deleted Key not found: {name}")


def _live(vault_id: UUID) -> QuerySet[Key]:
    return Key.objects.filter(vault_id=vault_id, current__isnull=False, deleted__isnull=True)


def _missing(name: str, version: str) -> str:
    return (
        f"A key with (name/id) {name}{'/' if version else ''}{version} was not found in this key vault. "
        "If you recently deleted this key you may be able to recover it using the correct recovery command. "
        "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
    )
