"""Deleting a whole vault softly, recovering and purging it.

A deleted vault serves nothing and keeps its name, its roles and its content until it is recovered or purged. A purge is
final at once: the name is free, nobody finds the vault, and the scheduler removes what was in it. Its row stays, for
the audit log that names it.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest
from apps.domain.access import operations as access
from apps.domain.access.audit_records import append_change
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import consume, end_requests, require_approval
from apps.domain.vaults import queries, rules
from apps.domain.vaults.models import Vault

_BATCH = 20
_SUBJECT = "the vault"


class VaultNotReady(BadRequest):
    """The vault has no key yet: there is nothing to delete."""


def delete(*, grant: Grant, vault: Vault, now: datetime) -> Vault:
    """Delete a vault: the data plane answers as if there were none, everywhere within one second.

    Raises `VaultNotFound`, `VaultNotReady`, and `ApprovalRequired` for a production vault.
    """
    grant.require(Permission.VAULTS_DELETE, vault_id=vault.pk)
    approval = require_approval(
        grant=grant,
        act=GuardedOperation.VAULT_DELETE,
        guarded=vault.production,
        subject=_SUBJECT,
        change={"the vault": "serves requests → deleted", "can be recovered": f"for {vault.recoverable_days} days"},
        now=now,
        concerns=[vault.pk],
        basis=_basis(vault),
    )
    with recorded_change(
        grant, Operation.VAULT_DELETE, invalidate=lambda: queries.invalidate(name=vault.name)
    ) as record:
        row = _lock(vault)
        if row.deleted is not None:
            raise queries.VaultNotFound(queries.not_found(vault.name))
        if row.state != Vault.State.READY:
            raise VaultNotReady(f"The vault {row.name} was never completed. Create it again under its name instead.")
        _check_still_guarded(row, guarded=vault.production)
        consume(grant=grant, approval=approval, now=now, basis=_basis(row))
        row.deleted, row.purge_after = now, now + timedelta(days=row.recoverable_days)
        row.save(update_fields=["deleted", "purge_after"])
        end_requests(grant=grant, concerns=row.pk)
        record.object_id = f"vaults/{row.name}"
        record.detail = {"purgeAfter": row.purge_after.isoformat()}
    return row


def recover(*, grant: Grant, vault: Vault) -> Vault:
    """Let a deleted vault serve again, with its objects and its roles. Raises `VaultNotFound`."""
    grant.require(Permission.VAULTS_DELETE, vault_id=vault.pk)
    with recorded_change(
        grant,
        Operation.VAULT_RECOVER,
        object_id=f"vaults/{vault.name}",
        invalidate=lambda: queries.invalidate(name=vault.name),
    ):
        row = _lock_deleted(vault)
        row.deleted = row.purge_after = None
        row.save(update_fields=["deleted", "purge_after"])
        end_requests(grant=grant, concerns=row.pk)
    return row


def purge(*, grant: Grant, vault: Vault, now: datetime) -> None:
    """Purge a deleted vault for good. An approval is for this deletion of it only.

    Raises `VaultNotFound`, `VaultPurgeProtected`, `ApprovalRequired`.
    """
    grant.require(Permission.VAULTS_PURGE, vault_id=vault.pk)
    rules.check_vault_purge(vault, purge_after=vault.purge_after, now=now)
    approval = require_approval(
        grant=grant,
        act=GuardedOperation.VAULT_PURGE,
        guarded=vault.production,
        subject=_SUBJECT,
        change={"the vault and all that is in it": f"{_recoverable(vault)} → purged"},
        now=now,
        concerns=[vault.pk],
        basis=_basis(vault),
    )
    with transaction.atomic():
        row = _lock_deleted(vault)
        rules.check_vault_purge(row, purge_after=row.purge_after, now=now)
        _check_still_guarded(row, guarded=vault.production)
        consume(grant=grant, approval=approval, now=now, basis=_basis(row))
        _purge(grant, row, now)


def purge_due(*, grant: Grant, now: datetime) -> int:
    """Purge the vaults whose retention has passed. Returns how many. Two schedulers at once are harmless."""
    grant.require(Permission.VAULTS_SWEEP)
    with transaction.atomic():
        due = Vault.objects.select_for_update(of=("self",), skip_locked=True).order_by("purge_after")
        rows = list(due.filter(purged__isnull=True, purge_after__lte=now)[:_BATCH])
        for row in rows:
            _purge(scheduled_grant(row), row, now)
    return len(rows)


def _purge(grant: Grant, row: Vault, now: datetime) -> None:
    Vault.objects.filter(pk=row.pk).update(purged=now)
    access.remove_object_assignments(grant=grant, object_type="vault", object_id=row.pk)
    if grant.permission is not Permission.VAULTS_SWEEP:  # the scheduler does not see requests, which end by themselves
        end_requests(grant=grant, concerns=row.pk)
    append_change(grant, operation=Operation.VAULT_PURGE, object_id=f"vaults/{row.name}")


def _lock(vault: Vault) -> Vault:
    row = Vault.objects.select_for_update(of=("self",)).select_related("world").get(pk=vault.pk)
    if row.purged is not None:
        raise queries.VaultNotFound(queries.not_found(vault.name))
    return row


def _lock_deleted(vault: Vault) -> Vault:
    row = _lock(vault)
    if row.deleted is None:
        raise queries.VaultNotFound(queries.deleted_not_found(vault.name))
    return row


def _check_still_guarded(row: Vault, *, guarded: bool) -> None:
    """Raise `VaultChanged` when the vault became a production vault since nobody was asked."""
    if row.production and not guarded:
        raise queries.VaultChanged("The vault's settings have just changed. Review them and try again.")


def _basis(row: Vault) -> dict[str, Any]:
    """The state of a vault: an approval is for this one only."""
    return {"vault": str(row.pk), "deleted": row.deleted.isoformat() if row.deleted else ""}


def _recoverable(vault: Vault) -> str:
    return f"recoverable until {vault.purge_after:%Y-%m-%d %H:%M} UTC" if vault.purge_after else "not deleted"
