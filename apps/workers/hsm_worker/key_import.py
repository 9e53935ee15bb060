"""What comes into a vault from outside: imported keys, and the parts of backups."""

import hashlib
import hmac
import json

from apps.core.errors import Forbidden
from apps.domain.hsm_client.protocol import ImportedKeySpec, RestoreKeyVersion, RestoreSecretVersion
from apps.domain.keys import backup_parts as key_parts
from apps.domain.objects import backups
from apps.domain.secrets import backup_parts as secret_parts
from apps.domain.secrets.rules import seal_context
from apps.hsm.api import Hsm
from apps.hsm.types import Binding, Custody, KeyType, StoredKey
from apps.workers.hsm_worker import preflight

_BACKUP = b"vault-portal/backup/1"  # a domain within the boundary's own


class PartNotInBackup(Forbidden):
    """A part was given that the genuine header does not name."""


def binding_of(vault_id: str, kind: ImportedKeySpec) -> Binding:
    """What a key from outside becomes."""
    world, generation = preflight.world_of(vault_id)
    return Binding(
        world=world,
        generation=generation,
        custody=Custody(kind.custody),
        vault=vault_id,
        name=kind.name,
        version=kind.version,
        key_type=KeyType(kind.key_type),
        parameter=kind.parameter,
        operations=tuple(kind.operations),
        exportable=kind.exportable,
    )


def backup_mac(hsm: Hsm, vault_id: str, header: bytes) -> bytes:
    """The world's HMAC over a header; by its first generation, so that later ones believe it too."""
    world, _ = preflight.world_of(vault_id)
    return hsm.mac(world=world, generation=hsm.first_generation(world), data=_BACKUP + header)


def is_genuine(hsm: Hsm, vault_id: str, header: bytes, mac: bytes) -> bool:
    """Whether the world of this vault made the header's HMAC, and names itself in it."""
    world, _ = preflight.world_of(vault_id)
    good = hmac.compare_digest(backup_mac(hsm, vault_id, header), mac)
    return good and json.loads(header).get("world") == world


def restored_key(hsm: Hsm, request: RestoreKeyVersion) -> StoredKey:
    """A key version of a genuine backup, moved into the vault."""
    _check(hsm, request)
    stored = key_parts.load(request.part).protected
    origin, (world, _) = backups.origin_vault(request.header), preflight.world_of(request.vault_id)
    old = Binding(
        world=world,
        generation=stored["generation"],
        custody=Custody(stored["custody"]),
        vault=origin,
        name=stored["name"],
        version=stored["version"],
        key_type=KeyType(stored["key_type"]),
        parameter=stored["parameter"],
        operations=tuple(stored["operations"]),
        exportable=stored["exportable"],
    )
    key = StoredKey(old, stored["public_key"], stored["blob"], stored["mac"])
    return move_part(hsm, key, vault_id=request.vault_id, name=old.name, version=old.version)


def move_part(hsm: Hsm, key: StoredKey, *, vault_id: str, name: str, version: str) -> StoredKey:
    """A stored key in another place of its world."""
    old = key.binding
    new = Binding(
        world=old.world,
        generation=old.generation,
        custody=old.custody,
        vault=vault_id,
        name=name,
        version=version,
        key_type=old.key_type,
        parameter=old.parameter,
        operations=old.operations,
        exportable=old.exportable,
    )
    if old.custody is Custody.WRAPPED:
        return hsm.move(key, new)
    return hsm.move(key, new, vault_key=preflight.vault_key(old.vault), to_vault_key=preflight.vault_key(vault_id))


def restored_secret(hsm: Hsm, request: RestoreSecretVersion) -> bytes:
    """A secret version of a genuine backup, sealed by the vault that it is restored into."""
    _check(hsm, request)
    part = secret_parts.load(request.part)
    origin, (world, _) = backups.origin_vault(request.header), preflight.world_of(request.vault_id)
    place = {"world": world, "name": part.name, "version": part.version["version"]}
    value = hsm.unseal(preflight.vault_key(origin), context=seal_context(vault_id=origin, **place), sealed=part.sealed)
    target = preflight.vault_key(request.vault_id)
    return hsm.seal(target, context=seal_context(vault_id=request.vault_id, **place), plaintext=value)


def _check(hsm: Hsm, request: RestoreKeyVersion | RestoreSecretVersion) -> None:
    """Raise `PartNotInBackup`: the web has checked, and this process does not trust it with keys."""
    if not is_genuine(hsm, request.vault_id, request.header, request.mac):
        raise PartNotInBackup("The backup is damaged, or none of this vault's security world.")
    if hashlib.sha256(request.part).hexdigest() not in json.loads(request.header)["parts"]:
        raise PartNotInBackup("The backup does not hold this part.")
