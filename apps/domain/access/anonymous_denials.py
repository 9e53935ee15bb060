"""How many denials of unknown callers become records. Pure: no database, the clock is an argument.

Nobody may fill the log, which is kept for years: equal denials are folded, and there is a ceiling a minute for each
sender and one in total. A kind contains nothing that the caller chooses: otherwise each request could be a new one.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from cachetools import TTLCache

FOLD_SECONDS = 60.0
MOST_PER_SENDER, MOST = 20, 200  # records a minute
_KEYS = 10_000


class Kind(NamedTuple):
    """Denials that count as equal."""

    block: str  # of the address: `apps.core.address_blocks`
    vault_id: UUID | None  # None: no vault has the name
    reason: str  # one of ours


class Recorded(NamedTuple):
    """What a record of an unknown caller's denial tells beside the denial itself."""

    folded: int  # equal ones since the record before
    left_out: int  # of all kinds, above a ceiling, since the last record


class AnonymousDenials:
    """Counts the denials of one process."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._recorded: TTLCache[Kind, bool] = TTLCache(maxsize=_KEYS, ttl=FOLD_SECONDS, timer=timer)
        self._folded: Counter[Kind] = Counter()
        self._minute_ends = 0.0
        self._senders: Counter[str] = Counter()
        self._left_out = 0

    def count(self, kind: Kind) -> Recorded | None:
        """Count a denial. None: it gets no record of its own."""
        with self._lock:
            if kind in self._recorded:
                if len(self._folded) < _KEYS or kind in self._folded:
                    self._folded[kind] += 1
                return None
            self._begin_minute()
            if self._senders[kind.block] >= MOST_PER_SENDER or self._senders.total() >= MOST:
                self._left_out += 1
                return None
            self._senders[kind.block] += 1
            self._recorded[kind] = True
            left_out, self._left_out = self._left_out, 0
            return Recorded(self._folded.pop(kind, 0), left_out)

    def _begin_minute(self) -> None:
        if self._timer() >= self._minute_ends:
            self._minute_ends = self._timer() + FOLD_SECONDS
            self._senders.clear()
