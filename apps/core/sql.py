"""Statements that Django's models cannot express. A statement is ours; values are always its parameters."""

from collections.abc import Sequence
from typing import Any

from django.db import connection


def execute(statement: str, values: Sequence[Any] = ()) -> None:
    """Run a statement that returns no rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def select(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall()


def select_value(statement: str, values: Sequence[Any] = ()) -> Any:
    """Run a statement that returns one row, and return the row's first value."""
    return select(statement, values)[0][0]
