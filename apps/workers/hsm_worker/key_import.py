"""Import into a vault: keys from outside, and the parts of backups."""

import hashlib
import hmac
from dataclasses import replace
from types import SimpleNamespace

from apps.core.errors import Forbidden
from apps.domain.hsm_client.protocol import ImportedKeySpec, RestoreKeyVersion, RestoreSecretVersion
from apps.domain.keys import backup_parts as key_parts
from apps.domain.objects import backups
from apps.domain.secrets import backup_parts as secret_parts
from apps.domain.secrets.rules import seal_context
from apps.hsm.api import Hsm
from apps.hsm.types import Binding, Custody, StoredKey
from apps.workers.hsm_runtime.translation import make_binding
from apps.workers.hsm_worker import preflight

_BACKUP = b"vault-portal/backup/1"  # separates backups from other uses of the boundary's HMAC


class PartNotInBackup(Forbidden):
    """The request has a part that the verified header does not name."""


def binding_of(vault_id: str, spec: ImportedKeySpec) -> Binding:
    """The binding of an imported key."""
    world, generation = preflight.world_of(vault_id)
    return make_binding(spec, world=world, generation=generation, vault=vault_id, name=spec.name)


def backup_mac(hsm: Hsm, vault_id: str, header: bytes) -> bytes:
    """The world's HMAC over a header, with the first generation's key, so that later generations can verify it."""
    world, _ = preflight.world_of(vault_id)
    return hsm.mac(world=world, generation=hsm.first_generation(world), data=_BACKUP + header)


def is_genuine(hsm: Hsm, vault_id: str, header: bytes, mac: bytes) -> bool:
    """True when the world of this vault made the header's HMAC, and the header names this world."""
    world, _ = preflight.world_of(vault_id)
    is_valid = hmac.compare_digest(backup_mac(hsm, vault_id, header), mac)
    return is_valid and backups.read_header(header).world == world


def restored_key(hsm: Hsm, request: RestoreKeyVersion) -> StoredKey:
    """Move a key version of a verified backup into the vault."""
    _check(hsm, request)
    part = SimpleNamespace(**key_parts.load(request.part).protected)
    origin, (world, _) = backups.read_header(request.header).vault_id, preflight.world_of(request.vault_id)
    old = make_binding(part, world=world, generation=part.generation, vault=origin, name=part.name)
    key = StoredKey(old, part.public_key, part.blob, part.mac)
    if old.custody is Custody.WRAPPED:
        return hsm.move(key, replace(old, vault=request.vault_id))
    return hsm.move(
        key,
        replace(old, vault=request.vault_id),
        vault_key=preflight.vault_key(origin),
        to_vault_key=preflight.vault_key(request.vault_id),
    )


def restored_secret(hsm: Hsm, request: RestoreSecretVersion) -> bytes:
    """Seal a secret version of a verified backup for the vault that it is restored into."""
    _check(hsm, request)
    part = secret_parts.load(request.part)
    origin, (world, _) = backups.read_header(request.header).vault_id, preflight.world_of(request.vault_id)
    place = {"world": world, "name": part.name, "version": part.version["version"]}
    value = hsm.unseal(preflight.vault_key(origin), context=seal_context(vault_id=origin, **place), sealed=part.sealed)
    target = preflight.vault_key(request.vault_id)
    return hsm.seal(target, context=seal_context(vault_id=request.vault_id, **place), plaintext=value)


def _check(hsm: Hsm, request: RestoreKeyVersion | RestoreSecretVersion) -> None:
    """Raise `PartNotInBackup`. The web process has checked the same; this one does not rely on it."""
    if not is_genuine(hsm, request.vault_id, request.header, request.mac):
        raise PartNotInBackup("The backup is damaged, or not of this vault's security world.")
    if hashlib.sha256(request.part).hexdigest() not in backups.read_header(request.header).parts:
        raise PartNotInBackup("The backup does not hold this part.")
