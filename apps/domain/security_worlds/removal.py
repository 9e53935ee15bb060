"""Deleting stored keys whose owners are deleted."""

from collections.abc import Sequence
from uuid import UUID

from apps.core.sql import execute


def remove_keys(ids: Sequence[UUID]) -> None:
    """Delete stored keys. Raises `django.db.IntegrityError` while anything points at one.

    Plain SQL: the ORM would first query every table that may point here, and the scheduler may not read some of them.
    """
    execute("DELETE FROM worlds_protectedkey WHERE id = ANY(%s)", [list(ids)])
