"""Keys as a kind of vault object. A key without a current version is not visible: its first one is not finished."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from apps.core.errors import NotFound
from apps.domain.approvals.models import GuardedOperation
from apps.domain.hsm_client.protocol import RestoreKeyVersion
from apps.domain.keys import backup_parts
from apps.domain.keys.models import Key, KeyVersion, RotationPolicy
from apps.domain.objects.backups import Restoration
from apps.domain.objects.kinds import ObjectKind
from apps.domain.objects.listing import ObjectItem
from apps.domain.security_worlds.models import ProtectedKey
from apps.domain.security_worlds.removal import remove_keys


class KeyNotFound(NotFound):
    """No such key, or no such version of it, in this vault."""


@dataclass(frozen=True, slots=True)
class KeyItem(ObjectItem):
    """A key in a list."""

    custody: str
    exportable: bool
    key_type: str
    parameter: str

    @property
    def hardware(self) -> bool:
        """Whether the key is used inside the HSM only."""
        return self.custody == "wrapped"


class KeyKind(ObjectKind[Key, KeyVersion]):
    name = "key"
    model = Key
    version_model = KeyVersion
    not_found_error = KeyNotFound
    item = KeyItem
    ready = f"v.state = '{KeyVersion.State.READY}'"
    detail_related = ("current__protected", "current__key")
    version_related = ("protected",)
    restore_act = GuardedOperation.KEY_IMPORT

    def versions(self) -> QuerySet[KeyVersion]:
        return super().versions().filter(state=KeyVersion.State.READY)

    def delete_versions(self, row: Key) -> None:
        RotationPolicy.objects.filter(key=row).delete()
        versions = KeyVersion.objects.filter(key=row)
        protected = [pk for pk in versions.values_list("protected_id", flat=True) if pk is not None]
        versions.delete()
        remove_keys(protected)

    def dump(self, row: Key) -> list[bytes]:
        versions = self.versions().select_related("protected").filter(key=row).order_by("created", "pk")
        return [backup_parts.dump(version) for version in versions]

    def move(self, restoration: Restoration, parts: tuple[bytes, ...]) -> list[tuple[dict[str, Any], ProtectedKey]]:
        """(fields of the version, its unsaved key) for each part."""
        return [self._move_one(restoration, part) for part in parts]

    def _move_one(self, restoration: Restoration, part: bytes) -> tuple[dict[str, Any], ProtectedKey]:
        blob, mac = restoration.move(RestoreKeyVersion, part)
        loaded, vault = backup_parts.load(part), restoration.vault
        changes = {"world": vault.world, "vault_id": vault.pk, "restored": True, "blob": blob, "mac": mac}
        return loaded.version, ProtectedKey(**{**loaded.protected, **changes})

    def store(self, restoration: Restoration, moved: Any, *, managed: bool = False) -> Key:
        for _, protected in moved:
            protected.save(force_insert=True)
        ready = KeyVersion.State.READY
        versions = [{**fields, "protected": protected, "state": ready} for fields, protected in moved]
        return self.insert(restoration, versions, managed=managed)


KEYS = KeyKind()
