"""Backing vault objects up and restoring them, all versions with their attributes, inside one security world."""

import hashlib
from datetime import datetime
from typing import Any

from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.models import ApprovalRequest, GuardedOperation
from apps.domain.objects import backups, names
from apps.domain.objects.backups import Backup, Restoration
from apps.domain.objects.kinds import ObjectKind, Row
from apps.domain.vaults.models import Vault


def back_up(*, grant: Grant, kind: ObjectKind[Any, Any], vault: Vault, name: str, now: datetime) -> str:
    """The backup blob of all versions. Raises the kind's not-found error, `ObjectManaged`, `HsmUnavailable`."""
    grant.require(kind.permission("backup"), vault_id=vault.pk)
    row = kind.get(vault.pk, name)
    if row.current is None:
        raise kind.not_found(name)
    kind.check_unmanaged(row)
    return backups.create_backup(
        grant=grant,
        vault=vault,
        object_type=kind.name,
        name=row.name,
        lineage=row.lineage,
        parts=kind.dump(row),
        now=now,
    )


def restore(*, grant: Grant, kind: ObjectKind[Row, Any], vault: Vault, blob: str, now: datetime) -> Row:
    """Restore every version under the backup's name. In a guarded vault a key needs an approval, and in any vault
    whatever comes from another one that is guarded.

    Raises `BadBackup`, `BackupOfPurgedObject`, `ObjectExists`, `ObjectIsDeleted`, `HsmUnavailable`,
    `ApprovalRequired`.
    """
    grant.require(kind.permission("restore"), vault_id=vault.pk)
    backup = check_restore(grant=grant, kind=kind, vault=vault, blob=blob)
    approval = _require_approval(grant=grant, kind=kind, vault=vault, backup=backup, now=now)
    restoration = Restoration(grant, vault, backup, now, kind.name)
    moved = kind.move(restoration, backup.parts)
    with recorded_change(
        grant,
        kind.operation("restore"),
        object_id=kind.object_id(backup.facts.name),
        invalidate=lambda: kind.invalidate_all(vault.pk, backup.facts.name),
        backupOf=backup.facts.vault,
    ):
        approvals.consume(grant=grant, approval=approval, now=now)
        names.check_free(kind, vault, backup.facts.name, grant=grant)
        return kind.store(restoration, moved)


def _require_approval(
    *, grant: Grant, kind: ObjectKind[Row, Any], vault: Vault, backup: Backup, now: datetime
) -> ApprovalRequest | None:
    effect = backups.effect_of_restore(backup.facts, vault=vault)
    act = GuardedOperation.RESTORE if effect.guarded else kind.restore_act
    if act is None:
        return None
    change = backups.describe_backup(backup)
    if not effect.guarded:
        basis: dict[str, Any] = {"content": hashlib.sha256(backup.header).hexdigest()}
    else:
        change["opens"] = effect.opens
        basis = backups.basis_of_restore(backup.header, effect)
    return approvals.require_approval(
        grant=grant,
        act=act,
        guarded=effect.guarded or vault.production,
        subject=kind.object_id(backup.facts.name.lower()),
        change=change,
        now=now,
        basis=basis,
    )


def check_restore(*, grant: Grant, kind: ObjectKind[Any, Any], vault: Vault, blob: str) -> Backup:
    """Check everything that `restore` does and change nothing: the dry run. Raises as it does."""
    grant.require(kind.permission("restore"), vault_id=vault.pk)
    backup = backups.open_backup(backups.parse_backup(blob), grant=grant, vault=vault, object_type=kind.name)
    names.check_free(kind, vault, backup.facts.name, grant=grant)
    return backup
