"""Import into a vault: keys from outside, and the parts of backups."""

import hashlib
import hmac
import re
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from uuid import UUID

import msgspec

from apps.core.errors import Forbidden
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.queries import is_approved
from apps.domain.hsm_client.protocol import ImportKey, ImportWrappedKey, RestoreKeyVersion, RestoreSecretVersion
from apps.domain.keys import backup_parts as key_parts
from apps.domain.keys import rules
from apps.domain.objects import backups
from apps.domain.secrets import backup_parts as secret_parts
from apps.domain.secrets.rules import seal_context
from apps.domain.vaults.models import Vault
from apps.hsm import hybrid
from apps.hsm.api import Hsm
from apps.hsm.types import Binding, Custody, Origin, StoredKey
from apps.workers.hsm_runtime import backup_keys
from apps.workers.hsm_runtime.translation import make_binding
from apps.workers.hsm_worker import preflight
from apps.workers.hsm_worker.request_values import read_value

_NAME = re.compile(r"[0-9a-z-]{1,127}", re.IGNORECASE)
_OPERATIONS = frozenset({*rules.OPERATIONS, rules.IMPORT})
_BACKUP = b"vault-portal/backup/1"  # separates backups from other uses of the boundary's HMAC
_BACKUP_KEY = b"vault-portal/backup-key/1"  # the same for their keys


class PartNotInBackup(Forbidden):
    """The request has a part that the verified header does not name."""


class NotACustomersKey(Forbidden):
    """The name or the operations are those of a key that no customer has: of a vault, an issuer, or the service."""


def binding_of(vault: Vault, request: ImportKey | ImportWrappedKey) -> Binding:
    """The binding of an imported key, in the place that was decided on.

    Raises `NotACustomersKey`, `VersionExists`, `RequestMalformed`.
    """
    spec = msgspec.structs.replace(request.spec, name=request.name.lower(), version=request.version.lower())
    world = vault.world
    make = partial(
        make_binding,
        world=world.name,
        generation=world.generation,
        vault=vault.pk.hex,
        name=spec.name,
        origin=Origin.IMPORTED if isinstance(request, ImportKey) else Origin.TRANSFERRED,
    )
    binding = read_value(make, spec)
    _check_free(vault, spec.name, spec.version)
    return check_customers(binding)


def check_customers(binding: Binding) -> Binding:
    """Raise `NotACustomersKey` unless the binding is of a key in a customer's vault.

    Keys of vaults seal, the token authority's has no vault, and those of issuers have a slash in their names
    (stored_keys.py): none of them may come from what the web process sends.
    """
    if not (binding.vault and _NAME.fullmatch(binding.name) and set(binding.operations) <= _OPERATIONS):
        raise NotACustomersKey("No key of a vault has this name, or these operations.")
    return binding


def check_header(header: bytes, *, kind: str, vault: Vault, name: str) -> None:
    """Raise `PartNotInBackup` unless the header is of this object in this vault, and hides no production vault."""
    facts = backups.read_header(header)
    named = (facts.object, facts.world, facts.vault_id, facts.name.lower())
    if named != (kind, vault.world.name, vault.pk.hex, name.lower()):
        raise PartNotInBackup("The header of the backup is of another object.")
    if not facts.production and (facts.production is None or backups.is_production_now(vault)):
        raise PartNotInBackup("The header of the backup does not say that this is a production vault.")


def backup_mac(hsm: Hsm, vault_id: str, header: bytes) -> bytes:
    """The world's HMAC over a header, with the first generation's key, so that later generations can verify it."""
    world, _ = preflight.world_of(vault_id)
    return hsm.mac(world=world, generation=hsm.first_generation(world), data=_BACKUP + header)


def is_genuine(hsm: Hsm, vault_id: str, header: bytes, mac: bytes) -> bool:
    """True when the world of this vault made the header's HMAC, and the header names this world."""
    world, _ = preflight.world_of(vault_id)
    is_valid = hmac.compare_digest(backup_mac(hsm, vault_id, header), mac)
    return is_valid and backups.read_header(header).world == world


def new_backup_key(hsm: Hsm, vault_id: str, header: bytes) -> tuple[bytes, bytes]:
    """(encapsulated, key of the parts) for a new backup: hybrid, of ML-KEM-768 and an HMAC in the HSM.

    Raises `Unavailable` for a world without a backup key.
    """
    world, _ = preflight.world_of(vault_id)
    encapsulated, secret = hsm.encapsulate(backup_keys.load(world).kem, algorithm=hybrid.ALGORITHM)
    return encapsulated, _backup_key(hsm, world, header, encapsulated, secret)


def open_backup_key(hsm: Hsm, vault_id: str, header: bytes, encapsulated: bytes) -> bytes:
    """The key that `new_backup_key` made; another one for another header or other bytes. Raises as it does."""
    world, _ = preflight.world_of(vault_id)
    keys = backup_keys.load(world)
    secret = hsm.decapsulate(keys.kem, algorithm=hybrid.ALGORITHM, ciphertext=encapsulated, vault_key=keys.sealing)
    return _backup_key(hsm, world, header, encapsulated, secret)


def _backup_key(hsm: Hsm, world: str, header: bytes, encapsulated: bytes, secret: bytes) -> bytes:
    context = _BACKUP_KEY + hashlib.sha256(header).digest() + encapsulated
    classical = hsm.mac(world=world, generation=hsm.first_generation(world), data=context)
    return hybrid.combine(post_quantum=secret, classical=classical, context=context)


def check_restore(
    hsm: Hsm, request: RestoreKeyVersion | RestoreSecretVersion, vault: Vault, *, requester_id: UUID, now: datetime
) -> None:
    """Raise unless this part may come into the vault. The web process has checked the same; this does not rely on it.

    Raises `PartNotInBackup`, `ApprovalRequired`, and as `backups.check` does.
    """
    if not is_genuine(hsm, vault.pk.hex, request.header, request.mac):
        raise PartNotInBackup("The backup is damaged, or not of this vault's security world.")
    facts = backups.read_header(request.header)
    if hashlib.sha256(request.part).hexdigest() not in facts.parts:
        raise PartNotInBackup("The backup does not hold this part.")
    backups.check_place(facts, vault=vault, object_type=request.kind)
    backups.check_origin(facts, vault=vault)
    effect = backups.effect_of_restore(facts, vault=vault)
    if effect.guarded and not is_approved(
        act=GuardedOperation.RESTORE,
        vault_id=vault.pk,
        requester_id=requester_id,
        basis=backups.basis_of_restore(request.header, effect),
        now=now,
    ):
        raise ApprovalRequired("A backup of a production vault is restored into another vault with an approval only.")


def restored_key(hsm: Hsm, request: RestoreKeyVersion, vault: Vault) -> StoredKey:
    """Move a key version of a backup that `check_restore` has checked into the vault. Raises `PartNotInBackup`."""
    facts = backups.read_header(request.header)
    part = SimpleNamespace(**key_parts.load(request.part).protected)
    origin, target = facts.vault_id, vault.pk.hex
    _check_name(request, facts, part.name)
    _check_free(vault, part.name, part.version)
    old = make_binding(
        part,
        world=vault.world.name,
        generation=part.generation,
        vault=origin,
        name=part.name,
        origin=part.origin,
        restored=part.restored,
    )
    check_customers(old)
    new = replace(old, vault=target, restored=True)
    key = StoredKey(old, part.public_key, part.blob, part.mac)
    if old.custody is Custody.WRAPPED:
        return hsm.move(key, new)
    return hsm.move(
        key,
        new,
        vault_key=preflight.vault_key(origin),
        to_vault_key=preflight.vault_key(target),
    )


def restored_secret(hsm: Hsm, request: RestoreSecretVersion, vault: Vault) -> tuple[str, bytes]:
    """(version, value sealed for the vault) of such a backup. Raises as `restored_key` does."""
    facts = backups.read_header(request.header)
    part = secret_parts.load(request.part)
    origin, target = facts.vault_id, vault.pk.hex
    _check_name(request, facts, part.name)
    version = preflight.new_secret_version(vault, part.name, part.version["version"])
    place = {"world": vault.world.name, "name": part.name, "version": version}
    value = hsm.unseal(preflight.vault_key(origin), context=seal_context(vault_id=origin, **place), sealed=part.sealed)
    sealed = hsm.seal(preflight.vault_key(target), context=seal_context(vault_id=target, **place), plaintext=value)
    return version, sealed


def _check_free(vault: Vault, name: str, version: str) -> None:
    """What is bound in a place stays: no other key is bound for a version that the vault has."""
    if preflight.is_taken(vault, name, version):
        raise preflight.VersionExists("The vault has this version of the key already.")


def _check_name(request: RestoreKeyVersion | RestoreSecretVersion, facts: backups.Header, name: str) -> None:
    """A caller who may restore one object cannot have the parts of another one bound with it."""
    if not name.lower() == facts.name.lower() == request.name.lower():
        raise PartNotInBackup("The backup has a part of another object.")
