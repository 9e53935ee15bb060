"""Reading keys beyond what every kind offers: the current version, and rotation policies."""

from uuid import UUID

from apps.core.sql import select_prepared
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key, RotationPolicy

_CURRENT_VERSION = """
    SELECT v.version FROM keys_key k JOIN keys_keyversion v ON v.id = k.current_id
    WHERE k.vault_id = %s AND k.folded_name = %s AND k.deleted IS NULL"""


def current_version(vault_id: UUID, name: str) -> str:
    """The version that is current now. Raises `KeyNotFound`."""
    rows = select_prepared(_CURRENT_VERSION, [vault_id, name.lower()])
    if not rows:
        raise KEYS.not_found(name)
    return str(rows[0][0])


def find_rotation_policy(key: Key) -> RotationPolicy | None:
    """The key's rotation policy, if it has one of its own."""
    return RotationPolicy.objects.filter(key=key).first()
