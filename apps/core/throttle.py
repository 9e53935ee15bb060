"""Throttling of failed sign-ins: ten a minute for one name from one address.

A source is always a name with an address: many callers share an address (a proxy, a cluster), and with the name alone
anybody could lock another user out. Counted per process, so the real limit is ten times the number of web workers.
"""

import threading
import time
from collections.abc import Hashable

from cachetools import TTLCache

FAILURES, WINDOW_SECONDS = 10, 60

_lock = threading.Lock()
_failures: TTLCache[Hashable, int] = TTLCache(maxsize=50_000, ttl=WINDOW_SECONDS, timer=time.monotonic)


def is_throttled(source: Hashable) -> bool:
    """Tell whether the source has failed too often."""
    with _lock:
        return _failures.get(source, 0) >= FAILURES


def count_failure(source: Hashable) -> None:
    """Count a failure of the source."""
    with _lock:
        _failures[source] = _failures.get(source, 0) + 1
