"""Failed sign-ins: after ten in a minute of one name from one address, wait.

A source is always a name with an address: an address alone is shared by many (a proxy, a cluster), and a name alone
would let anybody lock somebody else out. Counted per process, so the true limit is ten times the web workers.
"""

import threading
import time
from collections.abc import Hashable

from cachetools import TTLCache

FAILURES, WINDOW_SECONDS = 10, 60

_lock = threading.Lock()
_failures: TTLCache[Hashable, int] = TTLCache(maxsize=50_000, ttl=WINDOW_SECONDS, timer=time.monotonic)


def is_throttled(source: Hashable) -> bool:
    """Whether the source has failed too often."""
    with _lock:
        return _failures.get(source, 0) >= FAILURES


def count_failure(source: Hashable) -> None:
    """One more failure of the source."""
    with _lock:
        _failures[source] = _failures.get(source, 0) + 1
