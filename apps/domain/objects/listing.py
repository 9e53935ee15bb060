"""Lists of objects and versions: one prepared statement for a page, and plain values instead of models.

The same page through models takes the web process five times the time (benchmarks/README.md).
"""

from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import orjson
from django.db import models

from apps.core.sql import select_prepared


@dataclass(frozen=True, slots=True)
class ObjectItem:
    """What a list shows of an object and one version of it. The fields are columns; a kind adds its own."""

    name: str
    managed: bool
    version: str  # None, like the other columns of the version: a certificate whose first version is not finished
    enabled: bool
    not_before: datetime | None
    expires: datetime | None
    created: datetime
    updated: datetime
    tags: dict[str, str]


Item = TypeVar("Item", bound=ObjectItem)


class DeletedItem(NamedTuple, Generic[Item]):
    """A deleted object in a list."""

    item: Item
    deleted: datetime
    purge_after: datetime


class Columns(Generic[Item]):
    """The columns of a dataclass, from the rows of an object (o), its version (v) and others, the first that has it."""

    def __init__(self, facts: type[Item], **tables: type[models.Model]) -> None:
        self._facts = facts
        known = {
            field.column: (alias, field)
            for alias, model in reversed(tables.items())
            for field in model._meta.concrete_fields  # noqa: SLF001  Django's documented name
            if field.column != "id" or alias == "v"
        }
        chosen = [known[field.name] for field in fields(facts)]
        self.sql = ", ".join(f"{alias}.{field.column}" for alias, field in chosen)
        self._json = [number for number, (_, field) in enumerate(chosen) if isinstance(field, models.JSONField)]
        self._count = len(chosen)

    def load(self, row: tuple[Any, ...]) -> Item:
        """Make the dataclass of the first columns of a row."""
        values = list(row[: self._count])
        for number in self._json:
            if values[number] is not None:
                values[number] = orjson.loads(values[number])
        return self._facts(*values)


class Listing(Generic[Item]):
    """The lists of one kind. `ready`: a condition on versions (v) that are finished."""

    def __init__(
        self, items: type[Item], *, objects: type[models.Model], versions: type[models.Model], owner: str, ready: str
    ) -> None:
        self._items, self._objects, self._versions, self._owner, self._ready = items, objects, versions, owner, ready

    def live(self, vault_id: UUID, *, after: str, limit: int, pending: bool) -> list[Item]:
        """Live objects by name with their current versions; `pending`: also those that have none yet."""
        statement = self._pending_statement if pending else self._live_statement
        return [self._columns.load(row) for row in select_prepared(statement, [vault_id, after, limit])]

    def deleted(self, vault_id: UUID, *, after: str, limit: int) -> list[DeletedItem[Item]]:
        """Deleted objects that have a version and do not belong to a certificate, by name."""
        rows = select_prepared(self._deleted_statement, [vault_id, after, limit])
        return [DeletedItem(self._columns.load(row), *row[-2:]) for row in rows]

    def versions(self, vault_id: UUID, name: str, *, after: str, limit: int) -> list[Item]:
        """Finished versions of a live object by version id."""
        rows = select_prepared(self._versions_statement, [vault_id, name.lower(), after, limit])
        return [self._columns.load(row) for row in rows]

    @cached_property
    def _columns(self) -> Columns[Item]:
        return Columns(self._items, o=self._objects, v=self._versions)

    @cached_property
    def _live_statement(self) -> str:
        return self._by_name(self._columns.sql, "JOIN", "o.deleted IS NULL")

    @cached_property
    def _pending_statement(self) -> str:
        return self._by_name(self._columns.sql, "LEFT JOIN", "o.deleted IS NULL")

    @cached_property
    def _deleted_statement(self) -> str:
        condition = "o.deleted IS NOT NULL AND NOT o.managed"
        return self._by_name(f"{self._columns.sql}, o.deleted, o.purge_after", "JOIN", condition)

    @cached_property
    def _versions_statement(self) -> str:
        return f"""
            SELECT {self._columns.sql} FROM {self._table(self._objects)} o
            JOIN {self._table(self._versions)} v ON v.{self._owner}_id = o.id AND {self._ready}
            WHERE o.vault_id = %s AND o.folded_name = %s AND o.deleted IS NULL AND v.version > %s
            ORDER BY v.version LIMIT %s"""  # noqa: S608  names are ours

    def _by_name(self, columns: str, join: str, condition: str) -> str:
        return f"""
            SELECT {columns} FROM {self._table(self._objects)} o
            {join} {self._table(self._versions)} v ON v.id = o.current_id
            WHERE o.vault_id = %s AND {condition} AND o.folded_name > %s
            ORDER BY o.folded_name LIMIT %s"""  # noqa: S608  names are ours

    @staticmethod
    def _table(model: type[models.Model]) -> str:
        return model._meta.db_table  # noqa: SLF001  Django's documented name
