"""Suspension of vaults whose records cannot be delivered for too long, if their policy is to fail closed.

Web and HSM workers read `Vault.held`, at most a second late (docs/decisions/0002-cache-expiry.md).
"""

from datetime import datetime, timedelta

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.vaults.models import Vault
from apps.log_delivery.models import DeliveryState, LogDestination


def suspend_and_resume_vaults(*, now: datetime, longest: timedelta, disk_is_full: bool) -> None:
    """Suspend vaults with stuck logs and the policy to fail closed; resume those whose logs are delivered again."""
    failing = DeliveryState.objects.filter(
        state=DeliveryState.State.FAILING, destination__on_full=LogDestination.OnFull.FAIL_CLOSED
    )
    if not disk_is_full:
        # A new destination starts with the old records: only the time since it exists and accepts nothing counts.
        since = now - longest
        failing = failing.filter(waiting_since__lte=since, destination__created__lte=since)
        failing = failing.exclude(last_delivered__gt=since)
    stuck = set(failing.values_list("destination__vault_id", flat=True))
    held = set(Vault.objects.filter(held=True).values_list("pk", flat=True))
    for vault in Vault.objects.filter(pk__in=stuck ^ held):
        _set(vault, held=vault.pk in stuck)


@transaction.atomic
def _set(vault: Vault, *, held: bool) -> None:
    if Vault.objects.filter(pk=vault.pk, held=not held).update(held=held) != 1:
        return
    grant = system_grant(Permission.VAULTS_UPDATE, scope=Scope.of(vault), origin="deliver")
    append_change(
        grant, operation=Operation.VAULT_HOLD if held else Operation.VAULT_RELEASE, object_id=f"vaults/{vault.name}"
    )
