"""Group commit: threads that record something at the same time store their records in one statement.

The first thread is the leader. It stores the records of all that wait at that moment, its own included, on its own
connection, so that they have the numbers of that writer. Those that come meanwhile wait for the next leader, which is
the first of them. Nobody waits for company: a thread that is alone stores its records at once. No `append` returns
before its records are committed (docs/decisions/0025-notifications-and-group-commit.md).
"""

import threading
import time
from collections.abc import Sequence

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection

from apps.audit_log import writer
from apps.audit_log.records import Record

PATIENCE_SECONDS = 2.0  # longer than the web process waits for a lock (vaultportal/settings/web.py)
# The database refused the statement because of a record in it; nothing was stored.
_REFUSED = (DataError, IntegrityError, ProgrammingError)
# The database cannot be used now. Another attempt would take as long again.
_UNAVAILABLE = (OperationalError, InterfaceError)


class NotStoredByLeader(OperationalError):
    """Another thread did not store the records of this one, whose own connection is not to blame."""


class _Waiting:
    """The records of one thread, until they are stored or refused."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.woken = threading.Event()
        self.finished = False
        self.shared = False  # other threads' records were in the statement
        self.error: Exception | None = None


class GroupCommit:
    """The records that threads of this process are storing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []  # at most one per thread
        self._leader: _Waiting | None = None
        self._led_since = 0.0

    def append(self, records: Sequence[Record]) -> None:
        """Append records, together with those of other threads. Raises `django.db.Error` when they are not stored.

        Inside a transaction they are stored in it, and alone.
        """
        if connection.in_atomic_block:
            writer.append(records)
            return
        mine = _Waiting(records)
        if not self._join(mine):
            mine.woken.wait(PATIENCE_SECONDS)
        leads = self._leads(mine)
        if leads:
            self._store(mine)
        if mine.error is None:
            return
        if mine.shared and isinstance(mine.error, _REFUSED):  # perhaps because of another's record
            writer.append(mine.records)
        elif leads:
            raise mine.error
        else:
            raise NotStoredByLeader("The records of several requests were not stored.") from mine.error

    def _join(self, mine: _Waiting) -> bool:
        """Join the queue. True: this thread is the leader, also in place of one that does not come back."""
        with self._lock:
            self._queue.append(mine)
            moment = time.monotonic()
            if self._leader is None or moment - self._led_since > PATIENCE_SECONDS:
                self._leader, self._led_since = mine, moment
            return self._leader is mine

    def _leads(self, mine: _Waiting) -> bool:
        """Whether a thread that was woken leads now. Raises `NotStoredByLeader` when nobody woke it in time."""
        with self._lock:
            if self._leader is mine:
                return True
            if not mine.finished:
                if mine in self._queue:
                    self._queue.remove(mine)
                raise NotStoredByLeader("The records were not stored in time.")
            return False

    def _store(self, mine: _Waiting) -> None:
        with self._lock:
            batch, self._queue = self._queue, []
        error: Exception | None = OperationalError("The thread that stored the records ended.")
        try:
            writer.append([record for waiting in batch for record in waiting.records])
            error = None
        except Exception as caught:  # noqa: BLE001  each of the threads raises it
            error = caught
        finally:
            self._finish(mine, batch, error)

    def _finish(self, mine: _Waiting, batch: list[_Waiting], error: Exception | None) -> None:
        """Wake the threads of a batch, and the next leader."""
        with self._lock:
            leads = self._leader is mine
            if leads and isinstance(error, _UNAVAILABLE):
                batch, self._queue = [*batch, *self._queue], []
            for waiting in batch:
                waiting.finished, waiting.shared, waiting.error = True, len(batch) > 1, error
            if leads:
                self._leader, self._led_since = next(iter(self._queue), None), time.monotonic()
                if self._leader is not None:
                    self._leader.woken.set()
        for waiting in batch:
            waiting.woken.set()


_COMMITS = GroupCommit()
append_together = _COMMITS.append
