"""Deleting vault objects softly, recovering and purging them."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.domain.access import operations as access
from apps.domain.access.audit_records import append_change
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import consume, end_requests, require_approval
from apps.domain.objects import locks, names, rules
from apps.domain.objects.kinds import ObjectKind, Row
from apps.domain.vaults.models import PurgedObject, Vault

_BATCH = 100  # in one transaction
_MOST_BATCHES = 10  # of one kind in one run: a purged vault may be large, and others wait


def delete(*, grant: Grant, kind: ObjectKind[Row, Any], vault: Vault, name: str, now: datetime) -> Row:
    """Delete an object with all its versions and dependents. Raises the kind's not-found error, `ObjectManaged`."""
    grant.require(kind.permission("delete"), vault_id=vault.pk)
    with recorded_change(
        grant, kind.operation("delete"), invalidate=lambda: kind.invalidate_all(vault.pk, name)
    ) as record:
        row = locks.lock_live(kind, vault, name)
        kind.check_unmanaged(row)
        purge_after = rules.purge_date(vault, deleted=now)
        locks.set_deletion(kind, row, deleted=now, purge_after=purge_after, by=grant.principal.name)
        record.object_id = kind.object_id(row.name)
    return row


def recover(*, grant: Grant, kind: ObjectKind[Row, Any], vault: Vault, name: str) -> Row:
    """Make a deleted object live again, with its dependents. Raises the kind's not-found error, `ObjectManaged`."""
    grant.require(kind.permission("recover"), vault_id=vault.pk)
    with transaction.atomic():
        row = locks.lock_deleted(kind, vault, name)
        kind.check_unmanaged(row)
        names.recover_locked(kind, row, grant=grant)
    return row


def purge(*, grant: Grant, kind: ObjectKind[Any, Any], vault: Vault, name: str, now: datetime) -> None:
    """Remove a deleted object for good. An approval is for this object, deleted at this time, and for no other.

    Raises the kind's not-found error, `ObjectManaged`, `PurgeProtected`, `ApprovalRequired`.
    """
    grant.require(kind.permission("purge"), vault_id=vault.pk)
    with transaction.atomic():
        row = _lock_purgeable(kind, vault, name, now)
    subject = kind.object_id(row.name)
    approval = require_approval(
        grant=grant,
        act=GuardedOperation.PURGE,
        guarded=vault.production,
        subject=subject,
        change={},
        now=now,
        concerns=[row.pk],
        basis=locks.describe_state(row),
    )
    with transaction.atomic():
        row = _lock_purgeable(kind, vault, name, now)
        consume(grant=grant, approval=approval, now=now, basis=locks.describe_state(row))
        _remove(grant, kind, row, now)
        end_requests(grant=grant, concerns=row.pk)
        append_change(grant, operation=kind.operation("purge"), object_id=subject)


def purge_due(*, grant: Grant, kind: ObjectKind[Any, Any], now: datetime) -> int:
    """Remove the objects whose retention has passed, and those of purged vaults. Returns how many.

    Two schedulers at once are harmless.
    """
    grant.require(Permission.VAULTS_SWEEP)
    removed = 0
    for _ in range(_MOST_BATCHES):
        batch = _purge_batch(kind, now)
        removed += batch
        if batch < _BATCH:
            break
    return removed


def _purge_batch(kind: ObjectKind[Any, Any], now: datetime) -> int:
    with transaction.atomic():
        rows = locks.claim_due(kind, now=now, limit=_BATCH)
        for row in rows:
            own = scheduled_grant(row.vault, kind.name, row.name, row.pk)
            _remove(own, kind, row, now)
            append_change(own, operation=kind.operation("purge"), object_id=kind.object_id(row.name))
    return len(rows)


def _remove(grant: Grant, kind: ObjectKind[Row, Any], row: Row, now: datetime) -> None:
    """Delete the rows of an object and of its dependents, with the role assignments at them."""
    for kind_of_row, removed in [(kind, row), *locks.lock_dependents(kind, row)]:
        if removed.vault.purge_protection:  # no backup may undo the purge
            purged = {"vault": removed.vault, "object_type": kind_of_row.name, "purged": now}
            PurgedObject.objects.get_or_create(lineage=removed.lineage, defaults=purged)
        access.remove_object_assignments(grant=grant, object_type=kind_of_row.name, object_id=removed.pk)
        rows = kind_of_row.rows().filter(pk=removed.pk)
        rows.update(current=None)
        kind_of_row.delete_versions(removed)
        rows.delete()


def _lock_purgeable(kind: ObjectKind[Row, Any], vault: Vault, name: str, now: datetime) -> Row:
    row = locks.lock_deleted(kind, vault, name)
    kind.check_unmanaged(row)
    rules.check_purge(vault, purge_after=row.purge_after, now=now)
    return row
