"""Deleting keys, getting them back, and removing them for good."""

from datetime import datetime

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.domain.access import operations as access
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import requires_approval
from apps.domain.keys import queries
from apps.domain.keys.models import Key, KeyVersion, RotationPolicy
from apps.domain.objects import soft_delete
from apps.domain.security_worlds.removal import remove_keys
from apps.domain.vaults import rules
from apps.domain.vaults.models import Vault


@transaction.atomic
def delete(*, grant: Grant, vault: Vault, name: str, now: datetime) -> Key:
    """Delete a key with all its versions, softly. Raises `KeyNotFound`, `ObjectManaged`."""
    grant.require(Permission.KEYS_DELETE, vault_id=vault.pk)
    key = soft_delete.lock_live(Key, vault=vault, name=name)
    if key is None or key.current_id is None:
        raise queries.not_found(name)
    soft_delete.check_unmanaged(key, kind="key")
    soft_delete.delete(key, vault, now=now)
    append_change(grant, operation=Operation.KEY_DELETE, object_id=f"keys/{key.name}")
    transaction.on_commit(lambda: queries.invalidate_all(vault_id=vault.pk, name=name))
    return key


@transaction.atomic
def recover(*, grant: Grant, vault: Vault, name: str) -> Key:
    """Make a deleted key live again. Raises `KeyNotFound`, `ObjectManaged`."""
    grant.require(Permission.KEYS_RECOVER, vault_id=vault.pk)
    key = _deleted(vault, name)
    soft_delete.check_unmanaged(key, kind="key")
    soft_delete.recover(key)
    append_change(grant, operation=Operation.KEY_RECOVER, object_id=f"keys/{key.name}")
    return key


def purge(*, grant: Grant, vault: Vault, name: str, now: datetime) -> None:
    """Remove a deleted key for good. Raises `KeyNotFound`, `ObjectManaged`, `PurgeProtected`,
    `SecondPersonNeeded`.
    """
    grant.require(Permission.KEYS_PURGE, vault_id=vault.pk)
    with transaction.atomic():
        subject = f"keys/{_purgeable(vault, name, now).name}"
    with requires_approval(
        grant=grant, act=GuardedOperation.PURGE, guarded=vault.production, subject=subject, change={}, now=now
    ):
        key = _purgeable(vault, name, now)
        remove(grant=grant, key=key, now=now)
        append_change(grant, operation=Operation.KEY_PURGE, object_id=subject)


def remove(*, grant: Grant, key: Key, now: datetime) -> None:
    """The rows of a deleted key, its wrapped keys and its assignments, inside the caller's transaction."""
    if grant.permission not in _REMOVERS:
        grant.require(Permission.KEYS_PURGE, vault_id=key.vault_id)
    soft_delete.mark_purged(key, object_type="key", now=now)
    access.remove_object_assignments(grant=grant, object_type="key", object_id=key.pk)
    Key.objects.filter(pk=key.pk).update(current=None)
    RotationPolicy.objects.filter(key=key).delete()
    versions = KeyVersion.objects.filter(key=key)
    protected = [pk for pk in versions.values_list("protected_id", flat=True) if pk is not None]
    versions.delete()
    remove_keys(protected)
    Key.objects.filter(pk=key.pk).delete()


_REMOVERS = frozenset({Permission.KEYS_PURGE, Permission.CERTIFICATES_PURGE, Permission.VAULTS_SWEEP})


def _purgeable(vault: Vault, name: str, now: datetime) -> Key:
    key = _deleted(vault, name)
    soft_delete.check_unmanaged(key, kind="key")
    rules.check_purge(vault, purge_after=key.purge_after, now=now)
    return key


def _deleted(vault: Vault, name: str) -> Key:
    key = soft_delete.lock_deleted(Key, vault=vault, name=name)
    if key is None:
        raise queries.deleted_not_found(name)
    return key
