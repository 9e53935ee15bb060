"""When records cannot leave for too long, the vault's own policy decides: serve nothing, or go on.

`Vault.held` is what web and HSM workers look at, at most a second late (docs/decisions/0002-cache-expiry.md).
"""

from datetime import datetime, timedelta

from django.db import transaction

from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.vaults.models import Vault
from apps.log_delivery.models import DeliveryState, LogDestination


def suspend_and_resume_vaults(*, now: datetime, longest: timedelta, disk_is_full: bool) -> None:
    """Hold the vaults whose logs are stuck and whose owners want that; release those whose logs leave again."""
    failing = DeliveryState.objects.filter(
        state=DeliveryState.State.FAILING, destination__on_full=LogDestination.OnFull.FAIL_CLOSED
    )
    if not disk_is_full:
        # A new place may be given records of years: they wait for it no longer than it is there and takes nothing.
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
    grant = system_grant(Permission.VAULTS_UPDATE, scope=Scope(vault.pk, vault.name), origin="deliver")
    append_change(grant, operation="VaultHold" if held else "VaultRelease", object_id=f"vaults/{vault.name}")
