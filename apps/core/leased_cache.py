"""Caches of rows that count until they change, or for `TRUST_SECONDS` while changes cannot be followed."""

import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from apps.core.change_feed import FEED, Topic
from apps.core.lru_cache import LruCache

Value = TypeVar("Value")


class _Loading(NamedTuple, Generic[Value]):
    """A load that is not finished."""

    began: float
    result: Future[Value]


class LeasedCache(Generic[Value]):
    """A bounded map from key to value. None ("there is no such row") always expires: an insert notes no change."""

    _caches: ClassVar[list["LeasedCache[Any]"]] = []

    def __init__(self, topic: Topic, *, maxsize: int) -> None:
        LeasedCache._caches.append(self)
        self._topic = topic
        self._entries: LruCache[Hashable, tuple[float, Value]] = LruCache(maxsize=maxsize)  # (when loaded, value)
        self._loading: dict[Hashable, _Loading[Value]] = {}
        self._lock = threading.Lock()

    @classmethod
    def all(cls) -> list["LeasedCache[Any]"]:
        """List every cache of this process."""
        return list(cls._caches)

    def get(self, key: Hashable, load: Callable[[], Value]) -> Value:
        """Return the cached value, or that of `load()`, which is cached unless it raises.

        Threads that want the same key at once wait for one of them; if its `load` raises, each loads for itself. None
        waits for a load so slow that what it has read may not count any more.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and FEED.counts(self._topic, entry[0], leased=entry[1] is not None):
                return entry[1]
            other = self._loading.get(key)
            if other is None or not FEED.counts(self._topic, other.began, leased=False):
                # Before the row is read: a change during the load is newer.
                other, mine = None, _Loading(time.monotonic(), Future[Value]())
                self._loading[key] = mine
        if other is None:
            return self._load(key, load, mine)
        return load() if other.result.exception() else other.result.result()

    def peek(self, key: Hashable) -> Value | None:
        """Return the cached value without a load, whether or not it still counts; None if there is none."""
        with self._lock:
            entry = self._entries.get(key)
        return None if entry is None else entry[1]

    def invalidate(self, key: Hashable) -> None:
        """Remove one entry, so that a process sees its own change at once."""
        with self._lock:
            self._entries.remove(key)
            self._loading.pop(key, None)  # it may have read the row before the change

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._loading.clear()

    def _load(self, key: Hashable, load: Callable[[], Value], mine: _Loading[Value]) -> Value:
        try:
            value = load()
        except BaseException as error:
            self._forget_loading(key, mine)
            mine.result.set_exception(error)
            raise
        with self._lock:
            if self._loading.get(key) is mine:
                del self._loading[key]
                self._entries.put(key, (mine.began, value))
        mine.result.set_result(value)
        return value

    def _forget_loading(self, key: Hashable, mine: _Loading[Value]) -> None:
        with self._lock:
            if self._loading.get(key) is mine:
                del self._loading[key]
