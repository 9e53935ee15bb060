"""Slots: how many requests are worked on at once, each with a database connection that belongs to the slot.

A request waits for a slot in the thread that read it, which costs a parked thread. A slot rather than its thread has
the connection: threads are as many as there are HTTP connections, and PostgreSQL allows far fewer.
"""

import contextlib
import time
from collections.abc import Iterator
from queue import SimpleQueue
from typing import ClassVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from apps.core.busy import LONGEST_WAIT, FairTurns, Places

_TESTED_AFTER = 1.0  # seconds without a request: the database may have been restarted since


class Slots:
    """A number of slots. `places`: bounds those that have a slot or wait for one; None: the connections do.

    `longest_wait`: seconds after which a request that waits for a slot is refused. `beside_others`: slots that a sender
    may have while others have some; None: all.
    """

    _connections: ClassVar[list[BaseDatabaseWrapper]] = []  # of all slots of the process

    def __init__(
        self,
        number: int,
        places: Places | None = None,
        *,
        longest_wait: float = LONGEST_WAIT,
        beside_others: int | None = None,
    ) -> None:
        self._places = places
        self._turns = FairTurns(number, longest_wait=longest_wait, beside_others=beside_others)
        self._free: SimpleQueue[tuple[BaseDatabaseWrapper, float]] = SimpleQueue()  # since when it is free
        for _ in range(number):
            connection = connections.create_connection(DEFAULT_DB_ALIAS)  # it connects when it is used
            connection.inc_thread_sharing()  # by one thread after another
            self._connections.append(connection)
            self._free.put((connection, time.monotonic()))

    @contextlib.contextmanager
    def taken(self, sender: str = "") -> Iterator[None]:
        """Hold a slot, whose connection is this thread's meanwhile. Raises `Busy`.

        `sender`: who shares the slots with others, a block of addresses or a vault.
        """
        with self._places.taken(sender) if self._places else contextlib.nullcontext(), self._turns.taken(sender):
            connection, free_since = self._free.get_nowait()
            if connection.connection is not None:
                if time.monotonic() - free_since > _TESTED_AFTER:
                    connection.errors_occurred = True  # lets Django test it now
                connection.close_if_unusable_or_obsolete()
            own = connections.all(initialized_only=True)
            connections[DEFAULT_DB_ALIAS] = connection
            try:
                yield
            finally:
                del connections[DEFAULT_DB_ALIAS]
                for earlier in own:
                    connections[earlier.alias] = earlier
                if connection.errors_occurred:
                    self._suspect_all()
                self._free.put((connection, time.monotonic()))

    def _suspect_all(self) -> None:
        """Let Django test each connection before its next request: a restart of the database broke all of them."""
        for connection in self._connections:
            connection.errors_occurred = connection.connection is not None
