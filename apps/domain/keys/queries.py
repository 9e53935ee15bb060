"""Reading keys beyond what every kind offers: the facts of the hot path, and rotation policies."""

from dataclasses import fields
from uuid import UUID

from apps.domain.keys.kind import KEYS, VersionFacts
from apps.domain.keys.models import Key, RotationPolicy

_COLUMNS = [{"name": "key__name"}.get(field.name, field.name) for field in fields(VersionFacts)]


def find_facts(*, vault_id: UUID, name: str, version: str = "") -> VersionFacts:
    """The named or current version. Which one is current is read now: after a rotation the new one is used at once.

    The facts of a version, and whether it is enabled, are at most a second old. Raises `KeyNotFound`.
    """
    version = version.lower() or current_version(vault_id, name)

    def load() -> VersionFacts:
        rows = KEYS.versions().filter(
            key__vault_id=vault_id, key__folded_name=name.lower(), key__deleted__isnull=True, version=version
        )
        row = next(iter(rows.values_list(*_COLUMNS)[:1]), None)
        if row is None:
            raise KEYS.not_found(name, version)
        return VersionFacts(*row)

    return KEYS.facts.get((vault_id, name.lower(), version), load)


def current_version(vault_id: UUID, name: str) -> str:
    """The version that is current now. Raises `KeyNotFound`."""
    rows = Key.objects.filter(vault_id=vault_id, folded_name=name.lower(), current__isnull=False, deleted__isnull=True)
    version = rows.values_list("current__version", flat=True).first()
    if version is None:
        raise KEYS.not_found(name)
    return str(version)


def find_rotation_policy(key: Key) -> RotationPolicy | None:
    """The key's rotation policy, if it has one of its own."""
    return RotationPolicy.objects.filter(key=key).first()
