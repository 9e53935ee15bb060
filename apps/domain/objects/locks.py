"""Rows of vault objects, locked in the caller's transaction."""

from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from apps.domain.objects import rules
from apps.domain.objects.kinds import ObjectKind, Row
from apps.domain.vaults.models import Vault


def lock_live(kind: ObjectKind[Row, Any], vault: Vault, name: str) -> Row:
    """The live object of that name. Raises the kind's not-found error."""
    row = _locked(kind).filter(vault=vault, folded_name=name.lower(), deleted__isnull=True).first()
    if row is None or (row.current_id is None and not kind.exists_without_version):  # type: ignore[attr-defined]
        raise kind.not_found(name)
    return row


def lock_deleted(kind: ObjectKind[Row, Any], vault: Vault, name: str) -> Row:
    """The deleted object of that name. Raises the kind's not-found error."""
    row = _locked(kind).filter(vault=vault, folded_name=name.lower(), deleted__isnull=False).first()
    if row is None:
        raise kind.deleted_not_found(name)
    return row


def get_or_create_locked(
    kind: ObjectKind[Row, Any], vault: Vault, name: str, *, managed: bool = False, **fields: Any
) -> Row:
    """The live object of that name, created if there is none.

    Raises `ObjectIsDeleted` when a deleted one has the name, `ObjectManaged` when it is a certificate's and the
    caller does not act for that.
    """
    row: Row | None = None
    while row is None:  # a purge may come between the two statements
        new = kind.model(vault=vault, name=name, folded_name=name.lower(), managed=managed, **fields)
        kind.rows().bulk_create([new], ignore_conflicts=True)
        row = _locked(kind).filter(vault=vault, folded_name=name.lower()).first()
    if row.deleted is not None:
        raise rules.name_is_deleted(kind.name, row.name)
    if not managed:
        kind.check_unmanaged(row)
    return row


def lock_dependents(kind: ObjectKind[Row, Any], row: Row) -> list[tuple[ObjectKind[Any, Any], Any]]:
    """The managed objects that share the object's name, each with its kind."""
    return [
        (dependent, managed)
        for dependent in kind.dependents
        for managed in _locked(dependent).filter(vault_id=row.vault_id, folded_name=row.folded_name, managed=True)
    ]


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


def check_free(kind: ObjectKind[Any, Any], vault: Vault, name: str) -> None:
    """Raise `ObjectIsDeleted` or `ObjectExists` when the name is taken."""
    for one in (kind, *kind.dependents):
        row = one.rows().filter(vault=vault, folded_name=name.lower()).first()
        if row is None:
            continue
        if row.deleted is not None:
            raise rules.name_is_deleted(one.name, row.name)
        raise rules.ObjectExists(
            f"There is a {one.name} {row.name} in this vault already; a backup is restored beside nothing."
        )


def claim_due(kind: ObjectKind[Row, Any], *, now: datetime, limit: int) -> list[Row]:
    """Deleted objects whose retention has passed, and what is in purged vaults.

    Those that another scheduler has locked are left out.
    """
    rows = kind.rows().filter(managed=False).select_related("vault__world")
    rows = rows.select_for_update(of=("self",), skip_locked=True).order_by("purge_after", F("pk"))
    due = list(rows.filter(deleted__isnull=False, purge_after__lte=now)[:limit])
    gone = rows.filter(vault__purged__isnull=False).exclude(pk__in=[row.pk for row in due])
    return [*due, *gone[: limit - len(due)]]


def _locked(kind: ObjectKind[Row, Any]) -> QuerySet[Row]:
    return kind.rows().select_for_update(of=("self",)).select_related("vault__world")
