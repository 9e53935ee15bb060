"""Which cached rows are still as they were read: changes of other processes, followed in the table `core_change`.

Triggers (vaultportal/change_triggers.py) note each change of a row that caches keep, under a topic, in the transaction
of the change. While this process reads those notes, four times a second, what it has cached counts until its topic
changes. Without a good reading it does not count longer than `TRUST_SECONDS`, as in a cache that simply expires: a
lost connection, a paused process or a restarted database makes the caches slower, never wrong
(docs/decisions/0024-leased-caches.md).

Notes are compared by transaction id: a sequence number may be committed after a greater one was read
(PostgreSQL, "System Information Functions": pg_snapshot_xmin is the lowest id that is still active).
"""

import logging
import threading
import time
from enum import StrEnum

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from apps.core.sql import select, select_value

TRUST_SECONDS = 0.9  # a revocation takes effect within one second (docs/reference/security-guarantees.md section 3)
POLL_SECONDS = 0.25
_IDLE_SECONDS = 2.0  # without a question, nothing is read
_NO_CHANGE = str(2**63)
_LONGEST_GAP = 600.0  # seconds between two readings, by the database's clock; notes are kept for an hour
_MOST_NOTES = 1_000  # of one reading; only a flood of changes during a long transaction makes more
_READ = """
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text, extract(epoch FROM clock_timestamp())::float8,
        change.xid::text, change.topic
    FROM (VALUES (1)) AS one LEFT JOIN core_change AS change ON change.xid >= %s::xid8
    LIMIT %s
"""

logger = logging.getLogger(__name__)


class Topic(StrEnum):
    """What can change; a cache follows one of them."""

    VAULTS = "vaults"
    ROLES = "roles"
    APPLICATIONS = "applications"
    OBJECTS = "objects"  # of any kind, and their versions


class ChangeFeed:
    """The changes that one process has read of."""

    def __init__(self) -> None:
        self._began = float("inf")  # when the first of the readings had ended
        self._read_at = float("-inf")  # when the last good reading began
        self._changed: dict[str, float] = dict.fromkeys(Topic, float("-inf"))  # when a reading found a change
        self._asked_at = float("-inf")
        self._clock = 0.0  # the database's, at the last reading
        self._from = _NO_CHANGE  # the lowest transaction id that may still commit
        self._known: set[tuple[str, str]] = set()  # (transaction id, topic) of changes from `_from` on
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def counts(self, topic: Topic, loaded: float, *, leased: bool) -> bool:
        """True when what was loaded then (monotonic seconds) still counts; `leased`: also when it is old."""
        self._asked_at = moment = time.monotonic()
        if self._thread is None:
            self._start()
        if loaded <= self._changed[topic]:
            return False
        followed = leased and loaded > self._began and moment - self._read_at < TRUST_SECONDS
        return followed or moment - loaded < TRUST_SECONDS

    def read(self) -> None:
        """Read the changes since the last reading; of too many, nothing counts as read. Raises `django.db.Error`."""
        began, first = time.monotonic(), self._from == _NO_CHANGE
        rows = select(_READ, [self._from, _MOST_NOTES + 1])
        found = {(xid, topic) for *_, xid, topic in rows if xid is not None}
        ended = time.monotonic()
        lowest, clock, *_ = rows[0]
        if not first and clock - self._clock > _LONGEST_GAP:  # this machine stood still, and notes may be gone
            self.stop_trusting()
            return
        if len(rows) > _MOST_NOTES:  # a bound on the memory and time of this process: its caches expire instead
            self.stop_trusting()
            return
        # A row that was loaded before this moment may be older than the change, even if it is stored later.
        for _, topic in found - self._known:
            self._changed[topic] = ended
        if first:
            self._began = ended
        self._known, self._from, self._clock, self._read_at = found, lowest, clock, began

    def stop_trusting(self) -> None:
        """Begin anew with the next reading: what is cached now does not count any more."""
        self._began, self._read_at, self._from, self._known = float("inf"), float("-inf"), _NO_CHANGE, set()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and settings.FOLLOW_CHANGES:
                self._thread = threading.Thread(target=self._run, name="changes", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            if time.monotonic() - self._asked_at < _IDLE_SECONDS:
                self._read_safely()
            elif self._from != _NO_CHANGE:
                self.stop_trusting()
            pause.wait(POLL_SECONDS)

    def _read_safely(self) -> None:
        try:
            self.read()
        except DatabaseError:
            connection.close()
            self.stop_trusting()  # the database may be another one when it is back
        except Exception:
            logger.exception("Changes could not be read")
            self.stop_trusting()


def delete_old() -> int:
    """Delete the notes that every process has read, those of more than an hour ago. Returns how many."""
    return int(select_value("SELECT core_forget_changes()"))


FEED = ChangeFeed()
