"""Django's cache in PostgreSQL: counters and marks that limit guesses, one value for all processes.

In the memory of a process, "ten failures" would be ten in each, and a mark "used" would be unknown to the next one.
Django's own database cache stores pickles, which run code when they are read: a process that can write the table would
run code in every other. This one stores JSON. `add` and `incr` are one statement each, so that two processes cannot
both win.

It has a connection of its own that commits each statement: a request that is rolled back has still been counted, and
no other request waits for its end.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection as django_connection

from apps.core.models import SharedState

MOST = 50_000  # rows that are kept; of more, those that end first are deleted
_LONGEST_SECONDS = 86400
_PUT = """
    INSERT INTO core_sharedstate (key, value, expires) VALUES (%s, %s::jsonb, now() + %s * interval '1 second')
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires
"""


class SharedStore(BaseCache):
    """A backend of `settings.CACHES`. Values are what JSON can spell. Raises `django.db.Error` without a database."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def add(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> bool:
        """Store unless there is a value that has not ended. Returns whether it was stored; of two at once, one is."""
        put = f"{_PUT} WHERE core_sharedstate.expires <= now()"
        return bool(self._run(put, [self._key(key, version), json.dumps(value), self._seconds(timeout)]) == 1)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or the default."""
        query = "SELECT value::text FROM core_sharedstate WHERE key = %s AND expires > now()"
        row = self._run(query, [self._key(key, version)], lambda cursor: cursor.fetchone())
        return default if row is None else json.loads(row[0])

    def set(
        self,
        key: Any,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> None:
        """Store."""
        self._run(_PUT, [self._key(key, version), json.dumps(value), self._seconds(timeout)])

    def touch(self, key: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Give a value another end. Returns whether there is one."""
        change = (
            "UPDATE core_sharedstate SET expires = now() + %s * interval '1 second' WHERE key = %s AND expires > now()"
        )
        return bool(self._run(change, [self._seconds(timeout), self._key(key, version)]) == 1)

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Delete. Returns whether there was a value."""
        return bool(self._run("DELETE FROM core_sharedstate WHERE key = %s", [self._key(key, version)]) == 1)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Add to a number; it ends when it would have. Raises `ValueError` without one."""
        change = (
            "UPDATE core_sharedstate SET value = to_jsonb((value #>> '{}')::bigint + %s) "
            "WHERE key = %s AND expires > now() RETURNING (value #>> '{}')::bigint"
        )
        row = self._run(change, [delta, self._key(key, version)], lambda cursor: cursor.fetchone())
        if row is None:
            raise ValueError("There is no number to add to.")
        return int(row[0])

    def clear(self) -> None:
        """Delete everything."""
        self._run("DELETE FROM core_sharedstate", [])

    def _key(self, key: Any, version: int | None) -> str:
        return hashlib.sha256(self.make_key(key, version=version).encode("utf-8", "surrogatepass")).hexdigest()

    def _seconds(self, timeout: float | None) -> float:
        end = self.get_backend_timeout(timeout)
        return _LONGEST_SECONDS if end is None else min(end - time.time(), _LONGEST_SECONDS)

    def _run(
        self, statement: str, values: list[Any], result: Callable[[psycopg.Cursor[Any]], Any] | None = None
    ) -> Any:
        """Run a statement in a transaction of its own, on a new connection where the old one was lost."""
        with self._lock, django_connection.wrap_database_errors:
            for last in (False, True):
                try:
                    with self._connected().cursor() as cursor:
                        cursor.execute(statement, values)
                        return result(cursor) if result else cursor.rowcount
                except psycopg.OperationalError:
                    self._disconnect()
                    if last:
                        raise
        raise AssertionError("not reached")

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            parameters = {**django_connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
            self._connection = psycopg.connect(**parameters, autocommit=True)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def delete_expired(*, now: datetime) -> int:
    """Delete what has ended, and of more than `MOST` rows those that end first. Returns how many."""
    deleted, _ = SharedState.objects.filter(expires__lte=now).delete()
    above = SharedState.objects.order_by("-expires").values_list("expires", flat=True)[MOST : MOST + 1]
    for expires in above:
        deleted += SharedState.objects.filter(expires__lte=expires).delete()[0]
    return deleted
