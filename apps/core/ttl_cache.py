"""Short-lived caches for the hot path: entries are at most `STALE_SECONDS` old.

A revocation takes effect within one second (docs/reference/security-guarantees.md section 3), so entries may simply
expire: no invalidation messages, and nothing is lost when a process or the broker dies.
"""

import threading
from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Generic, TypeVar

from cachetools import TTLCache

STALE_SECONDS = 0.9

Value = TypeVar("Value")


class ShortTtlCache(Generic[Value]):
    """A bounded map from key to value whose entries expire after `STALE_SECONDS`."""

    _caches: ClassVar[list["ShortTtlCache[Any]"]] = []

    def __init__(self, *, maxsize: int, ttl: float = STALE_SECONDS) -> None:
        ShortTtlCache._caches.append(self)
        self._entries: TTLCache[Hashable, Value] = TTLCache(maxsize=maxsize, ttl=ttl)
        self._lock = threading.Lock()

    @classmethod
    def all(cls) -> list["ShortTtlCache[Any]"]:
        """List every cache of this process."""
        return list(cls._caches)

    def get(self, key: Hashable, load: Callable[[], Value]) -> Value:
        """Return the cached value, or that of `load()`, which is cached unless it raises."""
        with self._lock:
            try:
                return self._entries[key]
            except KeyError:
                pass
        value = load()
        with self._lock:
            self._entries[key] = value
        return value

    def invalidate(self, key: Hashable) -> None:
        """Remove one entry, so that a process sees its own change at once."""
        with self._lock:
            self._entries.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
