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

    def replace(self, key: Hashable, value: Value) -> None:
        """Store a newer value, which lives as long as any other."""
        with self._lock:
            self._entries[key] = value

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


class RateLimit:
    """Allows one act for each key in `seconds`, in this process."""

    def __init__(self, *, seconds: float, maxsize: int = 1000) -> None:
        self._recent: TTLCache[Hashable, bool] = TTLCache(maxsize=maxsize, ttl=seconds)
        self._lock = threading.Lock()

    def allows(self, key: Hashable) -> bool:
        """Tell whether the act is allowed now, and count it."""
        with self._lock:
            if key in self._recent:
                return False
            self._recent[key] = True
            return True

    def clear(self) -> None:
        """Forget all acts."""
        with self._lock:
            self._recent.clear()
