"""Changes of the versions of vault objects: locked, stored and recorded in one transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from django.db import transaction
from psycopg.types.json import Jsonb

from apps.audit_log import writer
from apps.audit_log.operation_names import Operation
from apps.core.sql import execute_prepared
from apps.domain.access.audit_records import make_record
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.objects import names
from apps.domain.objects.kinds import ObjectKind, Row
from apps.domain.vaults.models import Vault

Facts = TypeVar("Facts")


@contextmanager
def added_version(
    kind: ObjectKind[Row, Any],
    *,
    grant: Grant,
    operation: Operation,
    vault: Vault,
    name: str,
    version: str,
    recreates: bool,
) -> Iterator[Row]:
    """Lock the object that gets the version, which the body creates. The object is created if there is none.

    `recreates` as in `names.get_or_create_locked`.

    Raises `ObjectIsDeleted`, `ObjectManaged`.
    """
    with recorded_change(grant, operation, invalidate=lambda: kind.invalidate(vault.pk, name)) as record:
        row = names.get_or_create_locked(kind, vault, name, grant=grant, recreates=recreates)
        record.object_id = kind.object_id(row.name, version)
        yield row


@contextmanager
def changed_version(
    kind: ObjectKind[Any, Any],
    find: Callable[..., Facts],
    *,
    grant: Grant,
    operation: Operation,
    changes: dict[str, Any],
    now: datetime,
) -> Iterator[Facts]:
    """Lock the version that `find(lock=True)` gives for the checks of the body, and store the changes after it.

    The changes and their record are one statement. Raises what `find` raises, and `ObjectManaged`.
    """
    with transaction.atomic():
        locked: Any = find(lock=True)
        kind.check_unmanaged(locked)
        yield locked
        _store(kind, locked, grant=grant, operation=operation, changes=changes, now=now)
        vault_id = grant.scope.vault_id
        assert vault_id is not None  # noqa: S101  the grant is for the vault of the object
        transaction.on_commit(lambda: kind.invalidate(vault_id, locked.name, locked.version))


def _store(
    kind: ObjectKind[Any, Any],
    locked: Any,
    *,
    grant: Grant,
    operation: Operation,
    changes: dict[str, Any],
    now: datetime,
) -> None:
    record = make_record(
        grant.principal,
        grant.scope,
        grant.request,
        operation=operation,
        object_id=kind.object_id(locked.name, locked.version),
        changed=sorted(changes),
    )
    numbered = writer.Numbered([record])
    # A column that is set ends cache entries of other processes, also where its value stays.
    values = {name: value for name, value in changes.items() if value != getattr(locked, name)}
    adapted = {name: Jsonb(value) if isinstance(value, dict | list) else value for name, value in values.items()}
    names = {"id": locked.id, "updated": now, "records": numbered.rows}
    table = kind.version_model._meta.db_table  # noqa: SLF001  Django's documented name
    execute_prepared(_update_statement(table, tuple(sorted(values))), {**adapted, **names})
    numbered.confirm()


@cache
def _update_statement(table: str, columns: tuple[str, ...]) -> str:
    changes = ", ".join(f"{name} = %({name})s" for name in (*columns, "updated"))
    return f"""
        WITH record AS ({writer.INTO} SELECT record.* FROM {writer.ROWS})
        UPDATE {table} SET {changes} WHERE id = %(id)s"""  # noqa: S608  names are ours
