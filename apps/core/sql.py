"""Statements that Django's models cannot express. A statement is ours; values are always its parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

Values = Sequence[Any] | Mapping[str, Any]


def execute(statement: str, values: Values = ()) -> int:
    """Run a statement, and return the number of rows that it changed."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return int(cursor.rowcount)


def select(statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def select_value(statement: str, values: Values = ()) -> Any:
    """Run a statement that returns one row, and return the row's first value."""
    return select(statement, values)[0][0]
