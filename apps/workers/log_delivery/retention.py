"""Forgetting: record bodies that are older than their vault's owner wants, and never one that is still to be delivered.

Leaves stay, so that what is left and what was delivered can be checked for good. The database does it in a function
that only the role of retention may call, and the deletion is itself a record.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from apps.audit_log.models import Log
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.vaults.models import Vault
from apps.log_delivery.models import DeliveryState, LogRetention

_TURN = 0x56504654  # forgetting, or finding where to begin


def delete_due(*, now: datetime) -> int:
    """Forget in each vault what is due, in steps; how many records that were."""
    count = 0
    for row in LogRetention.objects.select_related("vault").filter(days__isnull=False):
        while forgotten := _forget(row, now):
            count += forgotten
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_drop_empty_days()")
    return count


@transaction.atomic
def _forget(row: LogRetention, now: datetime) -> int:
    vault, before = row.vault, now - timedelta(days=row.days or 0)
    wait_turn(vault.pk)
    log = Log.objects.filter(pk=vault.pk).first()
    upto = _watermark(vault.pk, log)
    if log is None or upto < log.forgotten:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_forget(%s, %s, %s)", [vault.pk, before, upto])
        below = int(cursor.fetchone()[0])
    if below <= log.forgotten:
        return 0
    LogRetention.objects.filter(pk=vault.pk).update(forgotten_before=before)
    append_change(
        _grant(vault),
        operation="LogForget",
        object_id="log/retention",
        first=log.forgotten,
        below=below,
        before=before.isoformat(),
        days=row.days,
    )
    return below - log.forgotten


def wait_turn(vault_id: UUID) -> None:
    """Until this transaction ends, either records are forgotten or a destination's beginning is found, not both."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_TURN, vault_id.hex])


def _watermark(vault_id: UUID, log: Log | None) -> int:
    """The last record that may go: what the storage has; where there is none, all of them."""
    delivered = DeliveryState.objects.filter(destination__vault_id=vault_id).values_list("delivered", flat=True).first()
    if delivered is not None:
        return delivered - 1
    return log.size - 1 if log else -1


def _grant(vault: Vault) -> Grant:
    return system_grant(Permission.VAULTS_UPDATE, scope=Scope.of(vault), origin="forget_records")
