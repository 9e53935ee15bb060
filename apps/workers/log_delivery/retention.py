"""Retention: deletes record bodies that are older than the vault's retention, but none that is not delivered yet.

Leaves stay, so that the remaining and the delivered records can still be verified. Only the database role of retention
may call the function that deletes, and the deletion is itself recorded.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.audit_log.models import Log
from apps.audit_log.operation_names import Operation
from apps.core.sql import execute, select_value
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.log_delivery.models import DeliveryState, LogRetention

_TURN = 0x56504654  # deletion, or finding the beginning of a delivery


def delete_due(*, now: datetime) -> int:
    """Delete in each vault what is due, in steps. Return the number of records."""
    count = 0
    for row in LogRetention.objects.select_related("vault").filter(days__isnull=False):
        while deleted := _delete(row, now):
            count += deleted
    execute("SELECT audit_drop_empty_days()")
    return count


@transaction.atomic
def _delete(row: LogRetention, now: datetime) -> int:
    vault, before = row.vault, now - timedelta(days=row.days or 0)
    wait_turn(vault.pk)
    log = Log.objects.filter(pk=vault.pk).first()
    last = _watermark(vault.pk, log)
    if log is None or last < log.forgotten:
        return 0
    below = int(select_value("SELECT audit_forget(%s, %s, %s)", [vault.pk, before, last]))
    if below <= log.forgotten:
        return 0
    LogRetention.objects.filter(pk=vault.pk).update(forgotten_before=before)
    append_change(
        system_grant(Permission.VAULTS_UPDATE, scope=Scope.of(vault), origin="forget_records"),
        operation=Operation.LOG_FORGET,
        object_id="log/retention",
        first=log.forgotten,
        below=below,
        before=before.isoformat(),
        days=row.days,
    )
    return below - log.forgotten


def wait_turn(vault_id: UUID) -> None:
    """Take a lock until the end of the transaction: deletion and finding a delivery's beginning exclude each other."""
    execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_TURN, vault_id.hex])


def _watermark(vault_id: UUID, log: Log | None) -> int:
    """The last record that may be deleted: the last delivered one; without a destination, the last of all."""
    delivered = DeliveryState.objects.filter(destination__vault_id=vault_id).values_list("delivered", flat=True).first()
    if delivered is not None:
        return delivered - 1
    return log.size - 1 if log else -1
