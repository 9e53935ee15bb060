"""Notifications of ended jobs, so that a request that waits for a job need not poll its row.

An HSM worker sends one (PostgreSQL, NOTIFY) when the transaction that ends a job is committed. Its payload is the job's
id. A process that waits for jobs listens on one connection, from the first time that it waits. The row decides: who is
notified reads it. It is read from time to time without a notification, too, because notifications may be lost (a broken
connection, a pooler in transaction mode), and any database role can send them
(docs/decisions/0025-notifications-and-group-commit.md).
"""

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import cast
from uuid import UUID

import psycopg
from django.db import Error as DatabaseError
from django.db import connection, transaction

from apps.core.sql import execute_prepared

_CHANNEL = "job_ended"
_RECONNECT_SECONDS = 1.0
_WINDOW_SECONDS = 10.0  # then the connection is tested: one that broke without a sign delivers nothing
_MOST = 10_000  # notifications in that time; no HSM makes keys so fast

logger = logging.getLogger(__name__)


def notify_ended(job_id: UUID) -> None:
    """Notify the process that waits for a job, after the commit of the current transaction.

    Afterwards, because PostgreSQL refuses the commit of a notification while its queue is full, and any role can fill
    that. A failure is logged; the waiting process then finds the job's end by reading the row.
    """
    transaction.on_commit(lambda: execute_prepared("SELECT pg_notify(%s, %s)", [_CHANNEL, str(job_id)]), robust=True)


class Listener:
    """The notifications for one process. It keeps the ids that a thread waits for, and no others."""

    def __init__(self) -> None:
        self._expected: dict[str, threading.Event] = {}
        self._wanted = threading.Event()  # somebody began to wait since the last attempt to connect
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def expecting(self, job_id: UUID) -> Iterator[threading.Event]:
        """Yield an event that the first notification of this job sets; later ones do nothing. One waits for a job."""
        notified = self._expected[str(job_id)] = threading.Event()
        self._wanted.set()
        self._start()
        try:
            yield notified
        finally:
            self._expected.pop(str(job_id), None)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._wanted.wait()
            self._wanted.clear()
            self._listen_safely()
            connection.close()
            pause.wait(_RECONNECT_SECONDS)

    def _listen_safely(self) -> None:
        try:
            self._listen()
        except (DatabaseError, psycopg.Error):
            return  # the database is away, or was restarted
        except Exception:
            logger.exception("Notifications could not be received")

    def _listen(self) -> None:
        """Receive notifications until there is a flood of them. Raises `django.db.Error` and `psycopg.Error`."""
        connection.ensure_connection()
        raw = cast("psycopg.Connection", connection.connection)
        raw.execute(f"LISTEN {_CHANNEL}")
        while True:
            for number, notification in enumerate(raw.notifies(timeout=_WINDOW_SECONDS)):
                self._receive(notification.payload)
                if number > _MOST:
                    logger.warning("More than %d notifications of ended jobs in %d s", _MOST, _WINDOW_SECONDS)
                    return
            raw.execute("SELECT 1")

    def _receive(self, payload: str) -> None:
        notified = self._expected.pop(payload, None)
        if notified is not None:
            notified.set()


LISTENER = Listener()
