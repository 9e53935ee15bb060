"""The backup key of a security world: an ML-KEM-768 key, sealed by an AES-256 key that never leaves the HSM.

The HSM has no ML-KEM (docs/reference/pkcs11-facts.md section 17), so a worker uses the private key in its memory, as
it does any software-protected key. The ceremony makes it and writes it, sealed, beside its transcript: with that file
and the token, a new database opens old backups.
"""

import base64
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from apps.core.errors import Unavailable
from apps.core.ids import new_version
from apps.domain.security_worlds.models import BackupKey, ProtectedKey, SecurityWorld
from apps.hsm import hybrid
from apps.hsm.api import Hsm
from apps.hsm.types import Binding, Custody, KeyType, StoredKey
from apps.workers.hsm_runtime.translation import save_protected_key, stored_key

_FIELDS = ("public_key", "blob", "mac")


class BackupKeys(NamedTuple):
    """`sealing` opens the private half of `kem`."""

    sealing: StoredKey
    kem: StoredKey


def load(world_name: str) -> BackupKeys:
    """The keys of a world. Raises `Unavailable` for a world whose ceremony is older than they are."""
    rows = BackupKey.objects.select_related("sealing", "kem").filter(world__name=world_name)
    row = rows.first()
    if row is None:
        raise Unavailable("This security world has no backup key yet. Run its ceremony again: it adds what is missing.")
    return BackupKeys(
        stored_key(row.sealing, _sealing_binding(world_name, row.sealing.generation, row.sealing.version)),
        stored_key(row.kem, _kem_binding(world_name, row.kem.generation, row.kem.version)),
    )


def exists(world_name: str) -> bool:
    """True when the world has its backup key."""
    return BackupKey.objects.filter(world__name=world_name).exists()


def ensure(hsm: Hsm, world: SecurityWorld, *, file: Path, now: datetime) -> None:
    """Make the backup key of a world, or take it from the file of an earlier ceremony. For a ceremony only.

    Raises `BindingMismatch` when the file was not made by this world.
    """
    if exists(world.name):
        return
    keys = _read(file, world.name) if file.exists() else None
    if keys is None:
        sealing = hsm.generate(_sealing_binding(world.name, world.generation, new_version()))
        kem = hsm.generate(_kem_binding(world.name, world.generation, new_version()), vault_key=sealing)
        keys = BackupKeys(sealing, kem)
        _write(file, keys)
    for key in keys:
        hsm.verify_binding(key)
    rows: list[ProtectedKey] = [save_protected_key(key, world=world, vault_id=None) for key in keys]
    BackupKey.objects.create(world=world, sealing=rows[0], kem=rows[1], created=now)


def _sealing_binding(world: str, generation: int, version: str) -> Binding:
    return _binding(world, generation, version, "backup-seal", KeyType.OCT, "256", ("seal",), Custody.WRAPPED)


def _kem_binding(world: str, generation: int, version: str) -> Binding:
    operations = ("unwrapKey", "wrapKey")
    return _binding(world, generation, version, "backup", KeyType.AKP, hybrid.ALGORITHM, operations, Custody.SOFTWARE)


def _binding(  # noqa: PLR0917  private, two callers
    world: str,
    generation: int,
    version: str,
    name: str,
    key_type: KeyType,
    parameter: str,
    operations: tuple[str, ...],
    custody: Custody,
) -> Binding:
    """A key of no vault, so that no customer's key is ever taken for it."""
    return Binding(world, generation, custody, "", name, version, key_type, parameter, operations)


def _write(file: Path, keys: BackupKeys) -> None:
    """Write the keys in the form in which the database has them: sealed and wrapped."""
    text: dict[str, Any] = {
        name: {
            "generation": key.binding.generation,
            "version": key.binding.version,
            **{field: base64.b64encode(getattr(key, field)).decode("ascii") for field in _FIELDS},
        }
        for name, key in keys._asdict().items()
    }
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        json.dump(text, output, indent=2, sort_keys=True)
        output.flush()
        os.fsync(output.fileno())


def _read(file: Path, world: str) -> BackupKeys:
    text = json.loads(file.read_text(encoding="utf-8"))
    made = []
    for name, binding in (("sealing", _sealing_binding), ("kem", _kem_binding)):
        values = {field: base64.b64decode(text[name][field]) for field in _FIELDS}
        made.append(StoredKey(binding(world, text[name]["generation"], text[name]["version"]), **values))
    return BackupKeys(*made)
