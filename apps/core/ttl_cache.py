"""Short memory for the hot path: what is remembered is at most `STALE_SECONDS` old.

One second is the promise of security-guarantees.md section 3 (a revocation takes effect within it), so an entry may
simply age: no invalidation messages, nothing to lose when a process or the broker dies.
"""

import threading
from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Generic, TypeVar

from cachetools import TTLCache

STALE_SECONDS = 0.9

Value = TypeVar("Value")


class ShortTtlCache(Generic[Value]):
    """A bounded map from key to value whose entries die after `STALE_SECONDS`."""

    _memories: ClassVar[list["ShortTtlCache[Any]"]] = []

    def __init__(self, *, maxsize: int, ttl: float = STALE_SECONDS) -> None:
        ShortTtlCache._memories.append(self)
        self._entries: TTLCache[Hashable, Value] = TTLCache(maxsize=maxsize, ttl=ttl)
        self._lock = threading.Lock()

    @classmethod
    def all(cls) -> list["ShortTtlCache[Any]"]:
        """Every memory of this process."""
        return list(cls._memories)

    def get(self, key: Hashable, load: Callable[[], Value]) -> Value:
        """The remembered value, or `load()`'s. A `load` that raises is not remembered."""
        with self._lock:
            try:
                return self._entries[key]
            except KeyError:
                pass
        value = load()
        with self._lock:
            self._entries[key] = value
        return value

    def forget(self, key: Hashable) -> None:
        """Drop one entry, so that a process sees its own change at once."""
        with self._lock:
            self._entries.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
