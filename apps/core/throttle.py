"""Failed sign-ins: after ten in a minute from an address or for a client, wait.

Counted per process, so the true limit is ten times the number of web workers; a secret of 256 bits does not mind.
"""

import threading
import time
from collections.abc import Hashable

from cachetools import TTLCache

FAILURES, WINDOW_SECONDS = 10, 60

_lock = threading.Lock()
_failures: TTLCache[Hashable, int] = TTLCache(maxsize=50_000, ttl=WINDOW_SECONDS, timer=time.monotonic)


def is_throttled(*sources: Hashable) -> bool:
    """Whether any of the sources has failed too often."""
    with _lock:
        return any(_failures.get(source, 0) >= FAILURES for source in sources)


def count_failure(*sources: Hashable) -> None:
    """One more failure of each source."""
    with _lock:
        for source in sources:
            _failures[source] = _failures.get(source, 0) + 1
