"""The callbacks that wait for the commit of a transaction.

Django offers no public way to read them. This relies on `run_on_commit` of a connection: a list of (savepoint ids,
callback, robust), in the order in which the callbacks run, from which a rollback to a savepoint removes the callbacks
that were registered since. `tests/audit_log/test_commit_queue.py` shows when a version of Django changes this.
"""

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper


class CommitQueue:
    """The callbacks of the transaction of one connection."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def callbacks(self) -> list[Callable[[], Any]]:
        """List what runs at the commit; what was rolled back is not in it."""
        return [entry[1] for entry in self._connection.run_on_commit]

    def put_first(self, callback: Callable[[], Any]) -> None:
        """Run `callback` at the commit before all others; at once outside a transaction."""
        transaction.on_commit(callback, using=self._connection.alias)
        waiting = self._connection.run_on_commit
        if waiting:
            waiting.insert(0, waiting.pop())
