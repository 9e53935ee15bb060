"""Caches of what others publish, whose entries expire."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Generic, TypeVar

from cachetools import TTLCache

Value = TypeVar("Value")


class TtlCache(Generic[Value]):
    """A bounded map from key to value whose entries expire after `ttl` seconds."""

    _caches: ClassVar[list["TtlCache[Any]"]] = []

    def __init__(self, *, maxsize: int, ttl: float) -> None:
        TtlCache._caches.append(self)
        self._entries: TTLCache[Hashable, Value] = TTLCache(maxsize=maxsize, ttl=ttl)
        self._lock = threading.Lock()

    @classmethod
    def all(cls) -> list["TtlCache[Any]"]:
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
