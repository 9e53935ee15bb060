"""Rows of vault objects, locked in the caller's transaction."""

from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from apps.domain.objects.kinds import ObjectKind, Row
from apps.domain.vaults.models import Vault


def lock_live(kind: ObjectKind[Row, Any], vault: Vault, name: str) -> Row:
    """The live object of that name. Raises the kind's not-found error."""
    row = locked(kind).filter(vault=vault, folded_name=name.lower(), deleted__isnull=True).first()
    if row is None or (row.current_id is None and not kind.exists_without_version):  # type: ignore[attr-defined]
        raise kind.not_found(name)
    return row


def lock_deleted(kind: ObjectKind[Row, Any], vault: Vault, name: str) -> Row:
    """The deleted object of that name. Raises the kind's not-found error."""
    row = locked(kind).filter(vault=vault, folded_name=name.lower(), deleted__isnull=False).first()
    if row is None:
        raise kind.deleted_not_found(name)
    return row


def lock_dependents(kind: ObjectKind[Row, Any], row: Row) -> list[tuple[ObjectKind[Any, Any], Any]]:
    """The managed objects that share the object's name, each with its kind."""
    return [
        (dependent, managed)
        for dependent in kind.dependents
        for managed in locked(dependent).filter(vault_id=row.vault_id, folded_name=row.folded_name, managed=True)
    ]


def set_deletion(
    kind: ObjectKind[Row, Any], row: Row, *, deleted: datetime | None, purge_after: datetime | None, by: str
) -> list[tuple[ObjectKind[Any, Any], Any]]:
    """Set the dates of a locked object and of its dependents, and who deletes them. Returns these."""
    rows = [(kind, row), *lock_dependents(kind, row)]
    for _, changed in rows:
        changed.deleted, changed.purge_after, changed.deleted_by = deleted, purge_after, by[:150]
        changed.save(update_fields=["deleted", "purge_after", "deleted_by"])
    return rows


def describe_state(row: Any | None) -> dict[str, str]:
    """The id, the current version and the deletion of an object: an approval about it is for this state only.

    None, or a row that has no version yet, is no object.
    """
    if row is None or (row.current_id is None and row.deleted is None):
        return {"object": ""}
    deleted = row.deleted.isoformat() if row.deleted else ""
    return {"object": str(row.pk), "version": str(row.current_id or ""), "deleted": deleted}


def find_state(kind: ObjectKind[Any, Any], vault: Vault, name: str) -> dict[str, str]:
    """The state of the object of that name, as `describe_state`."""
    return describe_state(kind.rows().filter(vault=vault, folded_name=name.lower()).first())


def claim_due(kind: ObjectKind[Row, Any], *, now: datetime, limit: int) -> list[Row]:
    """Deleted objects whose retention has passed, and what is in purged vaults.

    Those that another scheduler has locked are left out.
    """
    rows = kind.rows().filter(managed=False).select_related("vault__world")
    rows = rows.select_for_update(of=("self",), skip_locked=True).order_by("purge_after", F("pk"))
    due = list(rows.filter(deleted__isnull=False, purge_after__lte=now)[:limit])
    gone = rows.filter(vault__purged__isnull=False).exclude(pk__in=[row.pk for row in due])
    return [*due, *gone[: limit - len(due)]]


def locked(kind: ObjectKind[Row, Any]) -> QuerySet[Row]:
    """All objects of a kind, with their vaults; those that are read are locked."""
    return kind.rows().select_for_update(of=("self",)).select_related("vault__world")
