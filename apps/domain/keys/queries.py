"""Reading keys beyond what every kind offers: the current version, and rotation policies."""

from uuid import UUID

from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key, RotationPolicy


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
