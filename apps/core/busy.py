"""Refusing what cannot be worked on soon: a bounded number of places, with turns for each sender."""

import contextlib
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator

from apps.core.errors import Unavailable

BUSY = "Too many requests are being worked on. Nothing was done; try again in a few seconds."
LONGEST_WAIT = 20.0  # seconds
_SHARED_SECONDS = 1.0  # after another sender's latest request
_REFUSED_AFTER = 2.0  # seconds: who is refused at once and repeats at once costs more than those who have a place
_RETRY_AFTER = (2, 8)  # seconds: spread, so that clients that were refused together do not return together


class Busy(Unavailable):
    """All places are taken, or all of this sender's."""

    def __init__(self, message: str = BUSY) -> None:
        super().__init__(message)
        self.retry_after = random.randint(*_RETRY_AFTER)  # noqa: S311  not for cryptography


class FairTurns:
    """Turns for a number of requests at once. A free turn goes to the waiting sender who has the fewest.

    Among equals, and for one sender, the first to come is the first to have a turn.
    """

    def __init__(self, number: int, *, longest_wait: float, beside_others: int | None = None) -> None:
        """`longest_wait`: in seconds.

        `beside_others`: turns that a sender may have at once while others have some, and a second longer; None: all.
        What is worked on at once shares the processor, so turns that are left free make those of others quicker.
        """
        self._longest_wait = longest_wait
        self._beside_others = beside_others or number
        self._lock = threading.Lock()
        self._free = self._number = number
        self._shared_until = 0.0
        self._turns: Counter[str] = Counter()
        self._waiting: dict[str, deque[threading.Event]] = {}  # senders in the order of their longest waiting request

    @contextlib.contextmanager
    def taken(self, sender: str) -> Iterator[None]:
        """Hold a turn. Raises `Busy` for a request that waited too long."""
        self._take(sender)
        try:
            yield
        finally:
            self._give_back(sender)

    def _take(self, sender: str) -> None:
        with self._lock:
            if len(self._turns) > (sender in self._turns):
                self._shared_until = time.monotonic() + _SHARED_SECONDS
            if self._free and sender not in self._waiting and self._turns[sender] < self._most():
                self._free -= 1
                self._turns[sender] += 1
                return
            given = threading.Event()
            self._waiting.setdefault(sender, deque()).append(given)
            self._hand_out()
        if not given.wait(self._longest_wait):
            with self._lock:
                if given.is_set():  # at this very moment
                    return
                self._forget_waiting(sender, given)
            raise Busy

    def _give_back(self, sender: str) -> None:
        with self._lock:
            _subtract(self._turns, sender)
            self._free += 1
            self._hand_out()

    def _hand_out(self) -> None:
        """Give free turns to those who wait. A sender with all its turns has one to give back, and gets more then."""
        while self._free and self._waiting:
            following = min(self._waiting, key=self._turns.__getitem__)
            if self._turns[following] >= self._most():
                return
            given = self._waiting[following][0]
            self._forget_waiting(following, given)
            self._free -= 1
            self._turns[following] += 1
            given.set()

    def _most(self) -> int:
        """How many turns a sender may have now."""
        shared = self._beside_others < self._number and time.monotonic() < self._shared_until
        return self._beside_others if shared else self._number

    def _forget_waiting(self, sender: str, given: threading.Event) -> None:
        """The sender's next request, if there is one, counts as the latest: senders who are equal take turns."""
        queue = self._waiting.pop(sender)
        queue.remove(given)
        if queue:
            self._waiting[sender] = queue


class Places:
    """Places for those that work or wait. A sender is a block of addresses: one cannot take the turns of all.

    `most`, `most_of_a_sender`: places; what comes then is refused, after a wait. `at_once`: of one sender, how
    many have a turn; its others wait behind them and not in front of other senders.
    """

    def __init__(self, *, most: int, most_of_a_sender: int, at_once: int) -> None:
        self._most, self._most_of_a_sender, self._at_once = most, most_of_a_sender, at_once
        self._lock = threading.Lock()
        self._ended: dict[str, threading.Condition] = {}  # a turn of a sender who has a place; all with that lock
        self._places: Counter[str] = Counter()
        self._turns: Counter[str] = Counter()

    @contextlib.contextmanager
    def taken(self, sender: str) -> Iterator[None]:
        """Hold a place, with a turn. Raises `Busy`."""
        if (ended := self._take(sender)) is None:
            time.sleep(_REFUSED_AFTER)
            raise Busy
        try:
            with self._turn(sender, ended):
                yield
        finally:
            with self._lock:
                _subtract(self._places, sender)
                if sender not in self._places:
                    del self._ended[sender]

    def _take(self, sender: str) -> threading.Condition | None:
        """Take a place; the condition of the sender's turns. None without a place."""
        with self._lock:
            if self._places[sender] >= self._most_of_a_sender or self._places.total() >= self._most:
                return None
            self._places[sender] += 1
            return self._ended.setdefault(sender, threading.Condition(self._lock))

    @contextlib.contextmanager
    def _turn(self, sender: str, ended: threading.Condition) -> Iterator[None]:
        with self._lock:
            if not ended.wait_for(lambda: self._turns[sender] < self._at_once, LONGEST_WAIT):
                raise Busy
            self._turns[sender] += 1
        try:
            yield
        finally:
            with self._lock:
                _subtract(self._turns, sender)
                ended.notify()  # one: to wake all who wait, for one turn, took more time than most requests


def _subtract(counter: Counter[str], sender: str) -> None:
    counter[sender] -= 1
    if not counter[sender]:
        del counter[sender]
