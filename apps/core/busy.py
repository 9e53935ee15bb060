"""Refusing what cannot be worked on soon: a bounded number of places, with a share of them for each sender."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

from apps.core.errors import Unavailable

BUSY = "Too many requests are being worked on. Nothing was done; try again in a few seconds."


class Busy(Unavailable):
    """All places are taken, or all of this sender's."""

    retry_after = 5


class Places:
    """Places for those that work or wait. A sender is a block of addresses: one cannot take the places of all."""

    def __init__(self, *, most: int, most_of_a_sender: int) -> None:
        self._most, self._most_of_a_sender = most, most_of_a_sender
        self._lock = threading.Lock()
        self._senders: Counter[str] = Counter()

    @contextlib.contextmanager
    def taken(self, sender: str) -> Iterator[None]:
        """Hold a place. Raises `Busy`."""
        with self._lock:
            if self._senders[sender] >= self._most_of_a_sender or self._senders.total() >= self._most:
                self._forget(sender)
                raise Busy(BUSY)
            self._senders[sender] += 1
        try:
            yield
        finally:
            with self._lock:
                self._senders[sender] -= 1
                self._forget(sender)

    def _forget(self, sender: str) -> None:
        if not self._senders[sender]:
            del self._senders[sender]
