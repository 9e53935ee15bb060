"""What each kind of management job makes: the call to the boundary, and the rows that it ends in."""

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from apps.core.ids import new_version
from apps.domain.hsm_client.models import Job
from apps.domain.identity.models import SigningKey
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.keys.rules import SIGN
from apps.domain.security_worlds.models import SecurityWorld
from apps.domain.security_worlds.queries import get_world
from apps.domain.vaults.models import Vault
from apps.hsm.api import Hsm
from apps.hsm.types import Binding, Custody, KeyType, StoredKey
from apps.workers.hsm_runtime.translation import protected_row, stored_key


class KeyJob(NamedTuple):
    """One key in the making."""

    perform: Callable[[Hsm], Any]  # on the HSM's thread
    store: Callable[[Any], None]  # in the finishing transaction
    abandon: Callable[[], object]  # in the failing one


def begin_key_version(job: Job) -> KeyJob:
    """A version of a customer's key, wrapped by the HSM or sealed by the vault key."""
    row = KeyVersion.objects.select_related("key__vault__world", "key__vault__key").get(pk=job.subject_id)
    vault = row.key.vault
    binding = binding_of_version(row, vault)
    vault_key = stored_key(vault.key, world_name=vault.world.name) if vault.key is not None else None

    def store(made: StoredKey) -> None:
        Key.objects.select_for_update().get(pk=row.key_id)  # key before version, the order of everybody
        protected = protected_row(made, world=vault.world, vault_id=vault.pk)
        protected.save(force_insert=True)
        KeyVersion.objects.filter(pk=row.pk).update(state=KeyVersion.State.READY, protected=protected)
        _make_current(row)

    return KeyJob(
        perform=lambda hsm: hsm.generate(
            binding,
            vault_key=vault_key if binding.custody is Custody.SOFTWARE else None,
            public_exponent=row.public_exponent,
        ),
        store=store,
        abandon=lambda: KeyVersion.objects.filter(pk=row.pk).update(state=KeyVersion.State.FAILED),
    )


def binding_of_version(row: KeyVersion, vault: Vault) -> Binding:
    """What a pending version's key is to be bound to."""
    return Binding(
        world=vault.world.name,
        generation=vault.world.generation,
        custody=Custody(row.custody),
        vault=vault.pk.hex,
        name=row.key.folded_name,
        version=row.version,
        key_type=KeyType(row.key_type),
        parameter=row.parameter,
        operations=tuple(sorted(row.operations)),
        exportable=row.exportable,
    )


def begin_vault_key(job: Job) -> KeyJob:
    """The AES-256 key that seals a vault's secrets and its software-protected keys."""
    vault = Vault.objects.select_related("world").get(pk=job.subject_id)
    binding = own_binding(vault.world, vault=vault.pk.hex, name="vault-key", kind=KeyType.OCT, parameter="256")

    def store(made: StoredKey) -> None:
        protected = protected_row(made, world=vault.world, vault_id=vault.pk)
        protected.save(force_insert=True)
        Vault.objects.filter(pk=vault.pk).update(state=Vault.State.READY, key=protected)

    return KeyJob(
        perform=lambda hsm: hsm.generate(binding),
        store=store,
        abandon=lambda: Vault.objects.filter(pk=vault.pk).update(state=Vault.State.FAILED),
    )


def begin_signing_key(job: Job) -> KeyJob:
    """A P-256 key under which the authority signs access tokens."""
    row = SigningKey.objects.get(pk=job.subject_id)
    world = get_world(name=row.world_name)
    binding = own_binding(world, vault="", name="token-authority")

    def store(made: StoredKey) -> None:
        protected = protected_row(made, world=world, vault_id=None)
        protected.save(force_insert=True)
        SigningKey.objects.filter(pk=row.pk).update(protected=protected)

    return KeyJob(perform=lambda hsm: hsm.generate(binding), store=store, abandon=lambda: None)


def own_binding(
    world: SecurityWorld, *, vault: str, name: str, kind: KeyType = KeyType.EC, parameter: str = "P-256"
) -> Binding:
    """What a key of ours, not of a customer, is bound to: AES keys seal, EC keys sign."""
    return Binding(
        world=world.name,
        generation=world.generation,
        custody=Custody.WRAPPED,
        vault=vault,
        name=name,
        version=new_version(),
        key_type=kind,
        parameter=parameter,
        operations=("seal",) if kind is KeyType.OCT else (SIGN,),
    )


def _make_current(row: KeyVersion) -> None:
    """Point the key at its newest version. Two rotations may finish in either order: the later begun one wins."""
    key = Key.objects.select_for_update().get(pk=row.key_id)
    current: uuid.UUID | None = key.current_id
    if current is not None:
        newest = KeyVersion.objects.get(pk=current)
        if (newest.created, newest.pk) > (row.created, row.pk):
            return
    Key.objects.filter(pk=key.pk).update(current=row)
