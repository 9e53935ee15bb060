"""Retention: has record bodies deleted that are older than the vault's retention, but none that is not delivered yet.

The database decides what these are (`audit_forget` in apps/log_delivery/migrations), and lets only the role of this
process ask for it. Leaves stay, so that the remaining and the delivered records can still be verified. The deletion is
itself recorded.
"""

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.sql import execute, select
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.vaults.models import Vault
from apps.log_delivery.models import LogRetention


def delete_due() -> int:
    """Delete in each vault what is due, in steps. Return the number of records."""
    count = 0
    for row in LogRetention.objects.select_related("vault").filter(days__isnull=False):
        while deleted := _delete(row.vault):
            count += deleted
    execute("SELECT audit_drop_empty_days()")
    return count


@transaction.atomic
def _delete(vault: Vault) -> int:
    """Delete at most one step's bodies and record it. Return their number."""
    deleted = 0
    for first, below, before, days in select("SELECT first, below, before, days FROM audit_forget(%s)", [vault.pk]):
        append_change(
            system_grant(Permission.VAULTS_UPDATE, scope=Scope.of(vault), origin="forget_records"),
            operation=Operation.LOG_FORGET,
            object_id="log/retention",
            first=first,
            below=below,
            before=before.isoformat(),
            days=days,
        )
        deleted = below - first
    return deleted
