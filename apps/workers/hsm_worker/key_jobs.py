"""The jobs that create keys, one class per kind: what is done in the HSM, and the rows that are written after it."""

import uuid
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

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
from apps.workers.hsm_runtime.translation import make_binding, save_protected_key, stored_key


class KeyJob(ABC):
    """One job. `__init__` loads the rows that `execute` needs."""

    @abstractmethod
    def __init__(self, job: Job) -> None: ...

    @abstractmethod
    def execute(self, hsm: Hsm) -> Any:
        """Do the work in the HSM. This runs on the HSM thread and must not query the database."""

    @abstractmethod
    def commit(self, result: Any) -> None:
        """Store what `execute` returned, in the transaction that finishes the job."""

    def rollback(self) -> None:  # noqa: B027  some jobs have no rows to mark
        """Mark the rows of the job as failed, in the transaction that fails the job."""


class KeyVersionJob(KeyJob):
    """A version of a customer's key, wrapped by the HSM or sealed by the vault key."""

    def __init__(self, job: Job) -> None:
        self._row = KeyVersion.objects.select_related("key__vault__world", "key__vault__key").get(pk=job.subject_id)
        self._vault = self._row.key.vault
        self._binding = binding_of_version(self._row, self._vault)
        self._vault_key = None
        if self._binding.custody is Custody.SOFTWARE and self._vault.key is not None:
            self._vault_key = stored_key(self._vault.key, world_name=self._vault.world.name)

    def execute(self, hsm: Hsm) -> StoredKey:
        return hsm.generate(self._binding, vault_key=self._vault_key, public_exponent=self._row.public_exponent)

    def commit(self, result: StoredKey) -> None:
        Key.objects.select_for_update().get(pk=self._row.key_id)  # lock order everywhere: key before version
        protected = save_protected_key(result, world=self._vault.world, vault_id=self._vault.pk)
        KeyVersion.objects.filter(pk=self._row.pk).update(state=KeyVersion.State.READY, protected=protected)
        _make_current(self._row)

    def rollback(self) -> None:
        KeyVersion.objects.filter(pk=self._row.pk).update(state=KeyVersion.State.FAILED)


class VaultKeyJob(KeyJob):
    """The AES-256 key that seals a vault's secrets and its software-protected keys."""

    def __init__(self, job: Job) -> None:
        self._vault = Vault.objects.select_related("world").get(pk=job.subject_id)

    def execute(self, hsm: Hsm) -> StoredKey:
        world, vault = self._vault.world, self._vault.pk.hex
        return hsm.generate(own_binding(world, vault=vault, name="vault-key", kind=KeyType.OCT, parameter="256"))

    def commit(self, result: StoredKey) -> None:
        protected = save_protected_key(result, world=self._vault.world, vault_id=self._vault.pk)
        Vault.objects.filter(pk=self._vault.pk).update(state=Vault.State.READY, key=protected)

    def rollback(self) -> None:
        Vault.objects.filter(pk=self._vault.pk).update(state=Vault.State.FAILED)


class SigningKeyJob(KeyJob):
    """A P-256 key with which the token authority signs access tokens."""

    def __init__(self, job: Job) -> None:
        self._row = SigningKey.objects.get(pk=job.subject_id)
        self._world = get_world(name=self._row.world_name)

    def execute(self, hsm: Hsm) -> StoredKey:
        return hsm.generate(own_binding(self._world, vault="", name="token-authority"))

    def commit(self, result: StoredKey) -> None:
        protected = save_protected_key(result, world=self._world, vault_id=None)
        SigningKey.objects.filter(pk=self._row.pk).update(protected=protected)


def binding_of_version(row: KeyVersion, vault: Vault) -> Binding:
    """The binding of a pending version's key."""
    world, name = vault.world, row.key.folded_name
    binding = make_binding(row, world=world.name, generation=world.generation, vault=vault.pk.hex, name=name)
    return replace(binding, operations=tuple(sorted(row.operations)))


def own_binding(
    world: SecurityWorld, *, vault: str, name: str, kind: KeyType = KeyType.EC, parameter: str = "P-256"
) -> Binding:
    """The binding of an internal key, which no customer sees: AES keys seal, EC keys sign."""
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
