"""Import into a vault: keys from outside, and the parts of backups."""

import hashlib
import hmac
import re
from dataclasses import replace
from types import SimpleNamespace

from apps.core.errors import Forbidden
from apps.domain.hsm_client.protocol import ImportedKeySpec, RestoreKeyVersion, RestoreSecretVersion
from apps.domain.keys import backup_parts as key_parts
from apps.domain.keys import rules
from apps.domain.objects import backups
from apps.domain.secrets import backup_parts as secret_parts
from apps.domain.secrets.rules import seal_context
from apps.domain.vaults.models import Vault
from apps.hsm.api import Hsm
from apps.hsm.types import Binding, Custody, StoredKey
from apps.workers.hsm_runtime.translation import make_binding
from apps.workers.hsm_worker import preflight

_NAME = re.compile(r"[0-9a-z-]{1,127}", re.IGNORECASE)
_OPERATIONS = frozenset({*rules.OPERATIONS, rules.IMPORT})
_BACKUP = b"vault-portal/backup/1"  # separates backups from other uses of the boundary's HMAC


class PartNotInBackup(Forbidden):
    """The request has a part that the verified header does not name."""


class NotACustomersKey(Forbidden):
    """The name or the operations are those of a key that no customer has: of a vault, an issuer, or the service."""


def binding_of(vault_id: str, spec: ImportedKeySpec) -> Binding:
    """The binding of an imported key. Raises `NotACustomersKey`."""
    world, generation = preflight.world_of(vault_id)
    return check_customers(make_binding(spec, world=world, generation=generation, vault=vault_id, name=spec.name))


def check_customers(binding: Binding) -> Binding:
    """Raise `NotACustomersKey` unless the binding is of a key in a customer's vault.

    Keys of vaults seal, the token authority's has no vault, and those of issuers have a slash in their names
    (stored_keys.py): none of them may come from what the web process sends.
    """
    if not (binding.vault and _NAME.fullmatch(binding.name) and set(binding.operations) <= _OPERATIONS):
        raise NotACustomersKey("No key of a vault has this name, or these operations.")
    return binding


def check_header(header: bytes, *, kind: str, vault: Vault, name: str) -> None:
    """Raise `PartNotInBackup` unless the header is of this object in this vault."""
    facts = backups.read_header(header)
    named = (facts.object, facts.world, facts.vault_id, facts.name.lower())
    if named != (kind, vault.world.name, vault.pk.hex, name.lower()):
        raise PartNotInBackup("The header of the backup is of another object.")


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
    _check_name(request, part.name)
    old = make_binding(part, world=world, generation=part.generation, vault=origin, name=part.name)
    check_customers(old)
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
    _check_name(request, part.name)
    place = {"world": world, "name": part.name, "version": part.version["version"]}
    value = hsm.unseal(preflight.vault_key(origin), context=seal_context(vault_id=origin, **place), sealed=part.sealed)
    target = preflight.vault_key(request.vault_id)
    return hsm.seal(target, context=seal_context(vault_id=request.vault_id, **place), plaintext=value)


def _check_name(request: RestoreKeyVersion | RestoreSecretVersion, name: str) -> None:
    """A caller who may back up one object cannot have the parts of another one bound with it."""
    if name.lower() != backups.read_header(request.header).name.lower():
        raise PartNotInBackup("The backup has a part of another object.")


def _check(hsm: Hsm, request: RestoreKeyVersion | RestoreSecretVersion) -> None:
    """Raise `PartNotInBackup`. The web process has checked the same; this one does not rely on it."""
    if not is_genuine(hsm, request.vault_id, request.header, request.mac):
        raise PartNotInBackup("The backup is damaged, or not of this vault's security world.")
    if hashlib.sha256(request.part).hexdigest() not in backups.read_header(request.header).parts:
        raise PartNotInBackup("The backup does not hold this part.")
