"""Backing keys up and restoring them, all versions with their attributes, inside one security world."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.models import GuardedOperation
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import RestoreKeyVersion
from apps.domain.keys import backup_parts, queries
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.objects import backups, soft_delete
from apps.domain.objects.backups import Backup
from apps.domain.vaults.models import Vault


def back_up(*, grant: Grant, vault: Vault, name: str, now: datetime) -> str:
    """The backup blob of all versions. Raises `KeyNotFound`, `ObjectManaged`, `HsmUnavailable`."""
    grant.require(Permission.KEYS_BACKUP, vault_id=vault.pk)
    key = queries.get_version(vault_id=vault.pk, name=name).key
    soft_delete.check_unmanaged(key, kind="key")
    versions = queries.all_versions(key)
    return backups.create_backup(
        grant=grant,
        vault=vault,
        object_type="key",
        name=key.name,
        lineage=key.origin or key.pk,
        parts=[backup_parts.dump(version) for version in versions],
        now=now,
    )


def restore(*, grant: Grant, vault: Vault, blob: str, now: datetime) -> KeyVersion:
    """Restore every version under the backup's name. Returns the newest. Into a guarded vault it is an import.

    Raises `BadBackup`, `BackupBuried`, `ObjectExists`, `ObjectIsDeleted`, `HsmUnavailable`, `SecondPersonNeeded`.
    """
    grant.require(Permission.KEYS_RESTORE, vault_id=vault.pk)
    backup = check_restore(grant=grant, vault=vault, blob=blob)
    approval = approvals.require_approval(
        grant=grant,
        act=GuardedOperation.KEY_IMPORT,
        guarded=vault.production,
        subject=f"keys/{backup.name.lower()}",
        change=backups.describe_backup(backup),
        now=now,
    )
    moved = [move_version(grant=grant, vault=vault, backup=backup, part=part) for part in backup.parts]
    with transaction.atomic():
        approvals.consume(grant=grant, approval=approval, now=now)
        soft_delete.check_free(Key, kind="key", vault=vault, name=backup.name)
        newest = store(grant=grant, vault=vault, backup=backup, moved=moved)
        append_change(
            grant, operation=Operation.KEY_RESTORE, object_id=f"keys/{backup.name}", backupOf=backup.vault_name
        )
    queries.invalidate_all(vault_id=vault.pk, name=backup.name)
    return newest


def check_restore(*, grant: Grant, vault: Vault, blob: str) -> Backup:
    """Everything that `restore` would refuse, changing nothing: the dry run. Raises as it does."""
    grant.require(Permission.KEYS_RESTORE, vault_id=vault.pk)
    backup = backups.parse_backup(blob)
    backups.check(backup, grant=grant, vault=vault, object_type="key")
    soft_delete.check_free(Key, kind="key", vault=vault, name=backup.name)
    return backup


def move_version(*, grant: Grant, vault: Vault, backup: Backup, part: bytes) -> tuple[dict[str, Any], Any]:
    """(fields of the version, its unsaved key) for the vault, moved there by the HSM."""
    if grant.permission is not Permission.CERTIFICATES_RESTORE:
        grant.require(Permission.KEYS_RESTORE, vault_id=vault.pk)
    blob, mac = client.call(
        world=vault.world.name,
        request=RestoreKeyVersion(
            expires_at=grant.request.expires_at,
            vault_id=vault.pk.hex,
            header=backup.header,
            mac=backup.mac,
            part=part,
        ),
    )
    found = backup_parts.load(part)
    protected = backup_parts.protected_row(found, world=vault.world, vault_id=vault.pk, blob=blob, mac=mac)
    return found.version, protected


def store(
    *, grant: Grant, vault: Vault, backup: Backup, moved: list[tuple[dict[str, Any], Any]], managed: bool = False
) -> KeyVersion:
    """The rows of a restored key, inside the caller's transaction. Returns the newest version."""
    if grant.permission is not Permission.CERTIFICATES_RESTORE:
        grant.require(Permission.KEYS_RESTORE, vault_id=vault.pk)
    name = backup.name
    key = Key.objects.create(vault=vault, name=name, folded_name=name.lower(), managed=managed, origin=backup.lineage)
    rows = []
    for fields, protected in moved:
        protected.save(force_insert=True)
        rows.append(KeyVersion.objects.create(key=key, protected=protected, state=KeyVersion.State.READY, **fields))
    newest = max(rows, key=lambda row: (row.created, row.pk))
    Key.objects.filter(pk=key.pk).update(current=newest)
    return newest
