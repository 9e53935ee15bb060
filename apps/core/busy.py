"""Refusing what cannot be worked on soon: a bounded number of places, with turns for each sender."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

from apps.core.errors import Unavailable

BUSY = "Too many requests are being worked on. Nothing was done; try again in a few seconds."
LONGEST_WAIT = 20.0  # seconds


class Busy(Unavailable):
    """All places are taken, or all of this sender's."""

    retry_after = 5


class Places:
    """Places for those that work or wait. A sender is a block of addresses: one cannot take the turns of all.

    `most`, `most_of_a_sender`: places; what comes then is refused. `at_once`: of one sender, how many have a turn; its
    others wait behind them and not in front of other senders.
    """

    def __init__(self, *, most: int, most_of_a_sender: int, at_once: int) -> None:
        self._most, self._most_of_a_sender, self._at_once = most, most_of_a_sender, at_once
        self._changed = threading.Condition()
        self._places: Counter[str] = Counter()
        self._turns: Counter[str] = Counter()

    @contextlib.contextmanager
    def taken(self, sender: str) -> Iterator[None]:
        """Hold a place, with a turn. Raises `Busy`."""
        with self._changed:
            if self._places[sender] >= self._most_of_a_sender or self._places.total() >= self._most:
                raise Busy(BUSY)
            self._places[sender] += 1
        try:
            with self._turn(sender):
                yield
        finally:
            with self._changed:
                _subtract(self._places, sender)

    @contextlib.contextmanager
    def _turn(self, sender: str) -> Iterator[None]:
        with self._changed:
            if not self._changed.wait_for(lambda: self._turns[sender] < self._at_once, LONGEST_WAIT):
                raise Busy(BUSY)
            self._turns[sender] += 1
        try:
            yield
        finally:
            with self._changed:
                _subtract(self._turns, sender)
                self._changed.notify_all()


def _subtract(counter: Counter[str], sender: str) -> None:
    counter[sender] -= 1
    if not counter[sender]:
        del counter[sender]
