"""Changes of the versions of vault objects: locked, stored and recorded in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from apps.audit_log.operation_names import Operation
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.objects import locks
from apps.domain.objects.kinds import ObjectKind, Row, Version
from apps.domain.vaults.models import Vault


@contextmanager
def added_version(
    kind: ObjectKind[Row, Any], *, grant: Grant, operation: Operation, vault: Vault, name: str, version: str
) -> Iterator[Row]:
    """Lock the object that gets the version, which the body creates. The object is created if there is none.

    Raises `ObjectIsDeleted`, `ObjectManaged`.
    """
    with recorded_change(grant, operation, invalidate=lambda: kind.invalidate(vault.pk, name)) as record:
        row = locks.get_or_create_locked(kind, vault, name)
        record.object_id = kind.object_id(row.name, version)
        yield row


@contextmanager
def changed_version(
    kind: ObjectKind[Any, Version],
    row: Any,
    *,
    grant: Grant,
    operation: Operation,
    changes: dict[str, Any],
    now: datetime,
) -> Iterator[Version]:
    """Lock the version for the checks of the body, and store the changes after it."""
    owner = getattr(row, kind.name)
    with recorded_change(
        grant,
        operation,
        object_id=kind.object_id(owner.name, row.version),
        invalidate=lambda: kind.invalidate(owner.vault_id, owner.name, row.version),
        changed=sorted(changes),
    ):
        locked: Any = kind.lock_version(row.pk)
        yield locked
        for field, value in changes.items():
            setattr(locked, field, value)
        locked.updated = now
        locked.save(update_fields=[*changes, "updated"])
