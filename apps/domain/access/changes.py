"""The write path under every domain operation: one transaction with the change and its audit record."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant


@dataclass(slots=True)
class ChangeRecord:
    """The part of a change's audit record that the change itself may fill in."""

    object_id: str
    detail: dict[str, Any]


@contextmanager
def recorded_change(
    grant: Grant,
    operation: Operation,
    *,
    object_id: str = "",
    invalidate: Callable[[], None] | None = None,
    **detail: Any,
) -> Iterator[ChangeRecord]:
    """Run a change in a transaction that ends with its audit record: both are stored, or neither.

    `invalidate` drops what this process has cached of the object; it runs once the change is committed.
    """
    with transaction.atomic():
        record = ChangeRecord(object_id, detail)
        yield record
        append_change(grant, operation=operation, object_id=record.object_id, **record.detail)
        if invalidate is not None:
            transaction.on_commit(invalidate)
