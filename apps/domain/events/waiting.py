"""Waiting for the next event of a vault: one thread looks into the database for all waiting readers of this process.

A waiting reader occupies a thread of the HTTP server, which costs some memory, but neither a slot nor a database
connection (docs/decisions/0038-events.md).
"""

import logging
import threading
from collections import Counter
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection

from apps.domain.events import queries

POLL_SECONDS = 0.25
LONGEST_WAIT = 20.0  # seconds; HTTP servers and proxies end a connection after 30 without a byte
MOST_WAITING, MOST_OF_A_VAULT = 256, 64  # readers at the same time: of this process, of a vault

logger = logging.getLogger(__name__)


class Outcome(Enum):
    """How a wait ended."""

    NEW = "there are new events"
    NOTHING = "there were none in time"
    NO_PLACE = "too many readers wait already"


class Wait(NamedTuple):
    """A reader's wish: an event of the vault after this position, for at most `seconds`."""

    vault_id: UUID
    after: int
    seconds: float


class EventWatch:
    """The waiting readers of this process, and the thread that wakes them. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[threading.Event, Wait] = {}
        self._by_vault: Counter[UUID] = Counter()
        self._thread: threading.Thread | None = None
        self._needed = threading.Event()

    def wait(self, wanted: Wait) -> Outcome:
        """Block until the vault has a later event or the time is over, at most `LONGEST_WAIT` seconds.

        The calling thread must not hold a slot or a database connection.
        """
        found = threading.Event()
        with self._lock:
            if len(self._waiting) >= MOST_WAITING or self._by_vault[wanted.vault_id] >= MOST_OF_A_VAULT:
                return Outcome.NO_PLACE
            self._waiting[found] = wanted
            self._by_vault[wanted.vault_id] += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
        self._needed.set()
        try:
            return Outcome.NEW if found.wait(min(wanted.seconds, LONGEST_WAIT)) else Outcome.NOTHING
        finally:
            with self._lock:
                del self._waiting[found]
                self._by_vault -= Counter({wanted.vault_id: 1})

    def look(self) -> None:
        """Wake the readers whose vault has a later event. Raises `django.db.Error`."""
        with self._lock:
            waiting = list(self._waiting.items())
        if not waiting:
            return
        queries.number_pending()
        last = queries.last_positions(list({wanted.vault_id for _, wanted in waiting}))
        for found, wanted in waiting:
            if last.get(wanted.vault_id, 0) > wanted.after:
                found.set()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            if not self._waiting:
                connection.close()
                self._needed.wait()
            self._needed.clear()
            try:
                self.look()
            except DatabaseError as error:
                logger.warning("Events cannot be looked for (%s)", type(error).__name__)
                connection.close()
            except Exception:
                logger.exception("Events cannot be looked for")
            pause.wait(POLL_SECONDS)
