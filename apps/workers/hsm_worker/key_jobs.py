"""The jobs that create keys, one class per kind: what is done in the HSM, and the rows that are written after it."""

from abc import ABC, abstractmethod
from typing import Any

from apps.core import clock
from apps.core.sql import execute_prepared, select_prepared
from apps.domain.hsm_client.client import JobRefused, SubjectGone
from apps.domain.hsm_client.models import Job
from apps.domain.identity.models import SigningKey
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.security_worlds.queries import get_world
from apps.domain.vaults.models import Vault
from apps.hsm.api import Hsm
from apps.hsm.types import Custody, StoredKey
from apps.workers.hsm_runtime.translation import save_protected_key
from apps.workers.hsm_worker import stored_keys
from apps.workers.hsm_worker.job_facts import Place

_LOCK = "SELECT id FROM keys_key WHERE id = %s FOR UPDATE"
_MAKE_READY = f"UPDATE keys_keyversion SET state = '{KeyVersion.State.READY}', protected_id = %s WHERE id = %s"  # noqa: S608
# Two rotations may finish in either order: the version that was begun later stays the current one. A statement of its
# own: after the wait for the lock it sees what the other rotation stored.
_MAKE_CURRENT = """
    UPDATE keys_key SET current_id = %(version)s WHERE id = %(key)s AND NOT EXISTS (
        SELECT FROM keys_keyversion newer
        WHERE newer.id = keys_key.current_id AND (newer.created, newer.id) > (%(created)s, %(version)s))"""


class KeyJob(ABC):
    """One job. `__init__` loads the rows that `execute` needs, and refuses to make what is there already."""

    place: Place  # of what it makes

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


def check_unmade(stored_key_id: Any) -> None:
    """Raise `JobRefused` if what the job makes has its key: a second job is none of ours."""
    if stored_key_id is not None:
        raise JobRefused("Its object has a key already.")


def check_pending(version: KeyVersion) -> None:
    """Raise `JobRefused` for a version that has its key, `SubjectGone` for one that was given up."""
    check_unmade(version.protected_id)
    if version.state != KeyVersion.State.PENDING:
        raise SubjectGone("The version was given up before the HSM came to it.")


def fail_version(version: KeyVersion) -> None:
    """Mark a version that has no key as failed."""
    KeyVersion.objects.filter(pk=version.pk, protected__isnull=True).update(state=KeyVersion.State.FAILED)


class KeyVersionJob(KeyJob):
    """A version of a customer's key, wrapped by the HSM or sealed by the vault key."""

    def __init__(self, job: Job) -> None:
        self._row = KeyVersion.objects.select_related("key__vault__world", "key__vault__key").get(pk=job.subject_id)
        self._vault = self._row.key.vault
        self.place = Place(self._vault, KEYS.object_id(self._row.key.name, self._row.version))
        check_pending(self._row)
        if self._row.key.managed:
            raise JobRefused("The key is made together with its certificate.")
        self._binding = stored_keys.version_binding(self._row)
        is_software = self._binding.custody is Custody.SOFTWARE
        self._vault_key = stored_keys.key_of_vault(self._vault) if is_software else None

    def execute(self, hsm: Hsm) -> StoredKey:
        return hsm.generate(self._binding, vault_key=self._vault_key, public_exponent=self._row.public_exponent)

    def commit(self, result: StoredKey) -> None:
        row = self._row
        if not select_prepared(_LOCK, [row.key_id]):  # lock order everywhere: key before version
            raise Key.DoesNotExist
        protected = save_protected_key(result, world=self._vault.world, vault_id=self._vault.pk)
        execute_prepared(_MAKE_READY, [protected.pk, row.pk])
        execute_prepared(_MAKE_CURRENT, {"key": row.key_id, "version": row.pk, "created": row.created})

    def rollback(self) -> None:
        fail_version(self._row)


class VaultKeyJob(KeyJob):
    """The AES-256 key that seals a vault's secrets and its software-protected keys."""

    def __init__(self, job: Job) -> None:
        self._vault = Vault.objects.select_related("world").get(pk=job.subject_id)
        self.place = Place(None, f"vaults/{self._vault.name}")  # its creation is in the organisation's log
        check_unmade(self._vault.key_id)

    def execute(self, hsm: Hsm) -> StoredKey:
        return hsm.generate(stored_keys.vault_key_binding(self._vault))

    def commit(self, result: StoredKey) -> None:
        protected = save_protected_key(result, world=self._vault.world, vault_id=self._vault.pk)
        Vault.objects.filter(pk=self._vault.pk).update(state=Vault.State.READY, key=protected)

    def rollback(self) -> None:
        Vault.objects.filter(pk=self._vault.pk, key__isnull=True).update(state=Vault.State.FAILED)


class SigningKeyJob(KeyJob):
    """A P-256 key with which the token authority signs access tokens."""

    def __init__(self, job: Job) -> None:
        self._row = SigningKey.objects.get(pk=job.subject_id)
        self._world = get_world(name=self._row.world_name)
        self.place = Place(None, f"signing-keys/{self._row.pk.hex}")
        check_unmade(self._row.protected_id)

    def execute(self, hsm: Hsm) -> StoredKey:
        return hsm.generate(stored_keys.signing_key_binding(self._world))

    def commit(self, result: StoredKey) -> None:
        protected = save_protected_key(result, world=self._world, vault_id=None)
        SigningKey.objects.filter(pk=self._row.pk).update(protected=protected, ready=clock.now())
