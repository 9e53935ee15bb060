"""The commit of a lane's audit records, before the results that they describe leave.

With a quick HSM the PKCS#11 thread commits the records of a batch itself. An HSM in the network would do nothing
meanwhile: then a second thread commits, while the PKCS#11 thread does the next use (decision 0026, HSM sessions). Each
thread has a database connection of its own, which is a writer with numbers of its own.
"""

import logging
import os
import queue
import socket
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from django.db import DataError, IntegrityError, ProgrammingError
from django.db import Error as DatabaseError
from django.db import connection as database

from apps.audit_log import writer
from apps.domain.hsm_client.lane_client import HsmUnavailable
from apps.domain.hsm_client.protocol import pack_refusal

logger = logging.getLogger(__name__)

EX_TEMPFAIL = 75  # sysexits.h: the supervisor restarts the process
UNAVAILABLE = pack_refusal(HsmUnavailable.code, "The HSM is not available. Try again shortly.")
_TESTED_AFTER = 1.0  # seconds without a request: the database may have been restarted since
_LONG_WAIT = 0.002  # seconds for each use: about what a commit takes
_WEIGHT = 0.2  # of the latest batch in the mean
_MOST_WAITING = 8  # results whose records are not committed yet, without those of the statement that runs

_CHANGE_REFUSED = (DataError, IntegrityError, ProgrammingError)  # by the database; nothing was stored
_LOCKED = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected (PostgreSQL, appendix A)

Send = Callable[[socket.socket, bytes], None]


class Change(Protocol):
    """A change of rows that is committed with the record of its answer."""

    @property
    def refusal(self) -> bytes:
        """The answer when the database refuses the change."""

    def store(self, others: "Sequence[Change]", records: Sequence[writer.Record]) -> None:
        """Store this change and others of its kind, with the records of a batch, in one statement: all or nothing."""

    def find_refused(self, others: "Sequence[Change]") -> list[bool]:
        """Find which of this change and others the database refuses, in one statement. Raises `django.db.Error`."""


class Finished(NamedTuple):
    """An answer that may leave when its record, if it has one, and its change are committed."""

    connection: socket.socket
    answer: bytes
    record: writer.Record | None = None
    change: Change | None = None


def release(answers: Sequence[Finished], send: Send) -> None:
    """Commit the records of these answers in one statement, then send them; after an error, refusals in their place."""
    for each, answer in zip(answers, _commit(answers), strict=True):
        send(each.connection, answer)


def replace_broken_connection(*, used: float) -> None:
    """Close a connection that broke while nothing used it since the moment `used`, so that no request is refused."""
    idle = time.monotonic() - used > _TESTED_AFTER
    if idle and database.connection is not None and not database.is_usable():
        database.close()


def _commit(answers: Sequence[Finished], *, search: bool = True) -> list[bytes]:
    """Store the records and changes. Returns what may be sent for each answer (no record, no result).

    However many changes the database refuses, a batch takes four statements at most: the statements of one caller's
    changes hold up the others. `search`: False for the rest of a batch of which some were refused already.
    """
    changes = [each.change for each in answers if each.change is not None]
    try:
        _store(answers, changes)
    except _CHANGE_REFUSED as error:
        if not changes:
            return _withhold(answers, error)
        return _refuse(_find_refused(changes) if search else changes, answers)
    except DatabaseError as error:
        if changes and _is_locked(error):  # to try each alone would be to wait for that row again
            return _refuse(changes, answers)
        return _withhold(answers, error)
    return [each.answer for each in answers]


def _is_locked(error: DatabaseError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in _LOCKED


def _find_refused(changes: Sequence[Change]) -> Sequence[Change]:
    """Find the changes for which the database refused their statement; all when it does not tell."""
    try:
        found = changes[0].find_refused(changes[1:])
    except DatabaseError:
        database.close()
        return changes
    return [change for change, is_refused in zip(changes, found, strict=True) if is_refused] or changes


def _refuse(refused: Sequence[Change], answers: Sequence[Finished]) -> list[bytes]:
    """Refuse these changes, and commit what is left of the batch."""
    without = {id(change) for change in refused}
    rest = iter(_commit([each for each in answers if id(each.change) not in without], search=False))
    return [
        each.change.refusal if each.change is not None and id(each.change) in without else next(rest)
        for each in answers
    ]


def _store(answers: Sequence[Finished], changes: Sequence[Change]) -> None:
    records = [each.record for each in answers if each.record is not None]
    if changes:
        changes[0].store(changes[1:], records)
    else:
        writer.append(records)


def _withhold(answers: Sequence[Finished], error: DatabaseError) -> list[bytes]:
    """Send none of these answers, because their records were not stored."""
    withheld = sum(each.record is not None for each in answers)
    logger.warning("%d results withheld: their records were not stored (%s)", withheld, type(error).__name__)
    database.close()
    return [UNAVAILABLE] * len(answers)


class Waits:
    """How long the PKCS#11 thread slept in the latest uses, that is, neither computed nor waited for a processor.

    On a busy machine the waits for a processor would make any HSM look slow. For that thread only.
    """

    def __init__(self) -> None:
        self._mean = 0.0
        self._begun = (0.0, 0.0, 0.0)
        self._schedule: int | None = None  # a file descriptor; -1: the kernel has no such file

    @property
    def are_long(self) -> bool:
        """Whether a commit has its time beside a use."""
        return self._mean > _LONG_WAIT

    def begin(self) -> None:
        """A batch begins."""
        self._begun = self._times()

    def end(self, uses: int) -> None:
        """Note that a batch ended. `uses`: the number of uses since `begin`."""
        if uses:
            elapsed, computed, queued = (now - then for now, then in zip(self._times(), self._begun, strict=True))
            self._mean += _WEIGHT * (max(0.0, elapsed - computed - queued) / uses - self._mean)

    def _times(self) -> tuple[float, float, float]:
        """Seconds of the clock, of computing, and of waiting for a processor.

        Linux, Documentation/scheduler/sched-stats.rst: the second field is the time on a run queue, in nanoseconds.
        """
        if self._schedule is None:
            self._schedule = self._open_schedule()
        queued = os.pread(self._schedule, 128, 0).split()[1] if self._schedule >= 0 else 0
        return time.perf_counter(), time.thread_time(), int(queued) / 1e9

    def _open_schedule(self) -> int:
        """Of this thread. On a kernel without it (CONFIG_SCHED_INFO), waits for a processor count as sleep."""
        try:
            descriptor = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return -1
        weakref.finalize(self, os.close, descriptor)
        return descriptor


class CommitThread:
    """Commits and sends what the PKCS#11 thread has finished, in one statement whatever is ready. Starts when used."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._finished: queue.Queue[Finished | None] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None

    def put(self, finished: Finished) -> None:
        """Release an answer soon. Waits while too many others do, because their records cannot be stored."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="commits", daemon=True)
            self._thread.start()
        self._finished.put(finished)

    def stop(self) -> None:
        """Release what was put, and end."""
        if self._thread is not None:
            self._finished.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        used = time.monotonic()
        try:
            while batch := self._take():
                replace_broken_connection(used=used)
                release(batch, self._send)
                used = time.monotonic()
        except Exception:
            logger.exception("The thread that commits records failed")
            os._exit(EX_TEMPFAIL)
        finally:
            database.close()

    def _take(self) -> list[Finished]:
        """Wait for answers, and take all that are ready; none at the end."""
        taken = [self._finished.get()]
        while taken[-1] is not None and not self._finished.empty():
            taken.append(self._finished.get())
        if taken[-1] is None and taken[:-1]:
            self._finished.put(None)
        return [each for each in taken if each is not None]
