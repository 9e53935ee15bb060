"""Reading keys. A key without a current version is not there: its first version is still being made."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.core.cache import ShortMemory
from apps.core.errors import NotFound
from apps.keys.models import Key, KeyVersion


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


_ids: ShortMemory[UUID | None] = ShortMemory(maxsize=50_000)
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
)
_facts: ShortMemory[VersionFacts] = ShortMemory(maxsize=50_000)


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
            key__vault_id=vault_id, key__folded_name=name.lower(), version=version, state=KeyVersion.State.READY
        )
        row = next(iter(rows.values_list(*_FACTS)[:1]), None)
        if row is None:
            raise KeyNotFound(_missing(name, version))
        return VersionFacts(*row)

    return _facts.get((vault_id, name.lower(), version), load)


def _current_version(vault_id: UUID, name: str) -> str:
    rows = Key.objects.filter(vault_id=vault_id, folded_name=name.lower(), current__isnull=False)
    found = rows.values_list("current__version", flat=True).first()
    if found is None:
        raise KeyNotFound(_missing(name, ""))
    return str(found)


def get_version(*, vault_id: UUID, name: str, version: str = "") -> KeyVersion:
    """The named version, or the current one. Raises `KeyNotFound`."""
    rows = KeyVersion.objects.select_related("key", "protected").filter(state=KeyVersion.State.READY)
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
    rows = Key.objects.filter(vault_id=vault_id, current__isnull=False, folded_name__gt=after)
    return list(rows.select_related("current").order_by("folded_name")[:limit])


def list_versions(*, vault_id: UUID, name: str, after: str = "", limit: int) -> list[KeyVersion]:
    """Versions of a key by version id; empty for a key that is not there (azure-wire section 5)."""
    rows = KeyVersion.objects.filter(
        key__vault_id=vault_id, key__folded_name=name.lower(), state=KeyVersion.State.READY, version__gt=after
    )
    return list(rows.select_related("key").order_by("version")[:limit])


def forget(*, vault_id: UUID, name: str, version: str = "") -> None:
    """Let this process see its own change at once."""
    _ids.forget((vault_id, name.lower()))
    _facts.forget((vault_id, name.lower(), version))


def _missing(name: str, version: str) -> str:
    return (
        f"A key with (name/id) {name}{'/' if version else ''}{version} was not found in this key vault. "
        "If you recently deleted this key you may be able to recover it using the correct recovery command. "
        "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
    )
