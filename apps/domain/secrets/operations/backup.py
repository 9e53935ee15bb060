"""Backing secrets up and restoring them, all versions with their attributes, inside one security world."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import RestoreSecretVersion
from apps.domain.objects import backups, soft_delete
from apps.domain.objects.backups import Backup
from apps.domain.secrets import backup_parts, queries
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.vaults.models import Vault


def back_up(*, grant: Grant, vault: Vault, name: str, now: datetime) -> str:
    """The backup blob of all versions. Raises `SecretNotFound`, `ObjectManaged`, `HsmUnavailable`."""
    grant.require(Permission.SECRETS_BACKUP, vault_id=vault.pk)
    secret = queries.get_version(vault_id=vault.pk, name=name).secret
    soft_delete.check_unmanaged(secret, kind="secret")
    return backups.create_backup(
        grant=grant,
        vault=vault,
        object_type="secret",
        name=secret.name,
        lineage=secret.origin or secret.pk,
        parts=[backup_parts.dump(version) for version in queries.all_versions(secret)],
        now=now,
    )


def restore(*, grant: Grant, vault: Vault, blob: str) -> SecretVersion:
    """Restore every version under the backup's name. Returns the newest.

    Raises `BadBackup`, `BackupBuried`, `ObjectExists`, `ObjectIsDeleted`, `HsmUnavailable`.
    """
    grant.require(Permission.SECRETS_RESTORE, vault_id=vault.pk)
    backup = check_restore(grant=grant, vault=vault, blob=blob)
    moved = [move_version(grant=grant, vault=vault, backup=backup, part=part) for part in backup.parts]
    with transaction.atomic():
        soft_delete.check_free(Secret, kind="secret", vault=vault, name=backup.name)
        newest = store(grant=grant, vault=vault, backup=backup, moved=moved)
        append_change(
            grant, operation=Operation.SECRET_RESTORE, object_id=f"secrets/{backup.name}", backupOf=backup.vault_name
        )
    queries.invalidate(vault_id=vault.pk, name=backup.name)
    return newest


def check_restore(*, grant: Grant, vault: Vault, blob: str) -> Backup:
    """Everything that `restore` would refuse, changing nothing: the dry run. Raises as it does."""
    grant.require(Permission.SECRETS_RESTORE, vault_id=vault.pk)
    backup = backups.parse_backup(blob)
    backups.check(backup, grant=grant, vault=vault, object_type="secret")
    soft_delete.check_free(Secret, kind="secret", vault=vault, name=backup.name)
    return backup


def move_version(*, grant: Grant, vault: Vault, backup: Backup, part: bytes) -> dict[str, Any]:
    """The fields of a version with its value sealed for the vault, by the HSM."""
    if grant.permission is not Permission.CERTIFICATES_RESTORE:
        grant.require(Permission.SECRETS_RESTORE, vault_id=vault.pk)
    sealed: bytes = client.call(
        world=vault.world.name,
        request=RestoreSecretVersion(
            expires_at=grant.request.expires_at,
            vault_id=vault.pk.hex,
            header=backup.header,
            mac=backup.mac,
            part=part,
        ),
    )
    return {**backup_parts.load(part).version, "sealed": sealed}


def store(
    *, grant: Grant, vault: Vault, backup: Backup, moved: list[dict[str, Any]], managed: bool = False
) -> SecretVersion:
    """The rows of a restored secret, inside the caller's transaction. Returns the newest version."""
    if grant.permission is not Permission.CERTIFICATES_RESTORE:
        grant.require(Permission.SECRETS_RESTORE, vault_id=vault.pk)
    secret = Secret.objects.create(
        vault=vault, name=backup.name, folded_name=backup.name.lower(), managed=managed, origin=backup.lineage
    )
    rows = [SecretVersion.objects.create(secret=secret, **fields) for fields in moved]
    newest = max(rows, key=lambda row: (row.created, row.pk))
    Secret.objects.filter(pk=secret.pk).update(current=newest)
    return newest
