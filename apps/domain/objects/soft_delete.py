"""Deleting softly, recovering and purging rows of any `Recoverable` kind: the part that all kinds share.

The functions work on a locked row inside the caller's transaction; grants and records are the callers' affair.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import F

from apps.domain.vaults import rules
from apps.domain.vaults.models import PurgedObject, Recoverable, Vault

Row = TypeVar("Row", bound=Recoverable)


def lock_live(model: type[Row], *, vault: Vault, name: str) -> Row | None:
    """The live object of that name, locked; None when there is none."""
    row: Row | None = _lock(model).filter(vault=vault, folded_name=name.lower(), deleted__isnull=True).first()
    return row


def lock_deleted(model: type[Row], *, vault: Vault, name: str) -> Row | None:
    """The deleted object of that name, locked; None when there is none."""
    row: Row | None = _lock(model).filter(vault=vault, folded_name=name.lower(), deleted__isnull=False).first()
    return row


def get_or_create_locked(model: type[Row], *, kind: str, vault: Vault, name: str, managed: bool = False) -> Row:
    """The live object of that name, locked, made if there is none.

    Raises `ObjectIsDeleted` when a deleted one has the name, `ObjectManaged` when it is a certificate's and the
    caller does not act for that.
    """
    manager = _manager(model)
    row: Row | None = None
    while row is None:  # a purge may come between the two statements
        manager.get_or_create(vault=vault, folded_name=name.lower(), defaults={"name": name, "managed": managed})
        row = _lock(model).filter(vault=vault, folded_name=name.lower()).first()
    if row.deleted is not None:
        raise rules.ObjectIsDeleted(rules.deleted_text(kind, row.name))
    if row.managed and not managed:
        check_unmanaged(row, kind=kind)
    return row


def check_unmanaged(row: Recoverable, *, kind: str) -> None:
    """Raise `ObjectManaged` for what belongs to a certificate."""
    if row.managed:
        raise rules.ObjectManaged(
            f"The {kind} {row.name} belongs to the certificate of the same name. Change the certificate instead."
        )


def check_free(model: type[Row], *, kind: str, vault: Vault, name: str) -> None:
    """Raise `ObjectIsDeleted` or `ObjectExists` when the name is taken."""
    manager = _manager(model)
    row = manager.filter(vault=vault, folded_name=name.lower()).first()
    if row is None:
        return
    if row.deleted is not None:
        raise rules.ObjectIsDeleted(rules.deleted_text(kind, row.name))
    raise rules.ObjectExists(
        f"There is a {kind} {row.name} in this vault already; a backup is restored beside nothing."
    )


def delete(row: Recoverable, vault: Vault, *, now: datetime) -> None:
    """From now on the object is only to be recovered or purged."""
    row.deleted, row.purge_after = now, rules.purge_date(vault, deleted=now)
    row.save(update_fields=["deleted", "purge_after"])


def recover(row: Recoverable) -> None:
    """The object is live again."""
    row.deleted = row.purge_after = None
    row.save(update_fields=["deleted", "purge_after"])


def mark_purged(row: Recoverable, *, object_type: str, now: datetime) -> None:
    """Remember a purge from a vault with purge protection, so that no backup undoes it."""
    if row.vault.purge_protection:
        PurgedObject.objects.get_or_create(
            lineage=row.lineage, defaults={"vault": row.vault, "object_type": object_type, "purged": now}
        )


def was_purged(lineage: UUID) -> bool:
    """Whether an object, or one that it was restored from, was purged under purge protection."""
    return PurgedObject.objects.filter(lineage=lineage).exists()


def list_deleted(model: type[Row], *, vault_id: UUID, after: str, limit: int) -> Sequence[Row]:
    """Deleted objects that have a version, by name; `after` is the folded name that the last page ended with.

    What a certificate was deleted before it was made for the first time leaves behind has none.
    """
    manager = _manager(model)
    rows = manager.filter(vault_id=vault_id, deleted__isnull=False, current__isnull=False, folded_name__gt=after)
    return list(rows.select_related("current").order_by("folded_name")[:limit])


def claim_due(model: type[Row], *, now: datetime, limit: int) -> list[Row]:
    """Deleted objects whose retention has passed, locked; those that another scheduler has are left out."""
    manager = _manager(model)
    due = manager.filter(deleted__isnull=False, managed=False, purge_after__lte=now).select_related("vault__world")
    return list(due.select_for_update(of=("self",), skip_locked=True).order_by("purge_after", F("pk"))[:limit])


def _manager(model: type[Row]) -> Any:
    return model._default_manager  # noqa: SLF001  the name that Django documents for it


def _lock(model: type[Row]) -> Any:
    manager = _manager(model)
    return manager.select_for_update(of=("self",)).select_related("vault__world")
