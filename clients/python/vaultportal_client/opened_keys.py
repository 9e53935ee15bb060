"""Data keys that a vault unwrapped, by their header: bounded in number and age."""

import threading
from collections import OrderedDict

from vaultportal_client.message import DataKey


class OpenedKeys:
    """A cache that drops the least recently used data key first. Ages, in seconds, count from the unwrapping."""

    def __init__(self, *, most: int, age: float) -> None:
        self._most, self._age = most, age
        self._keys: OrderedDict[bytes, tuple[float, DataKey]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, header: bytes, now: float) -> DataKey | None:
        """Return the data key of this header, whose tag was verified when it was put here."""
        with self._lock:
            found = self._keys.get(header)
            if found is None:
                return None
            until, data_key = found
            if now >= until:
                del self._keys[header]
                return None
            self._keys.move_to_end(header)
            return data_key

    def put(self, header: bytes, data_key: DataKey, now: float) -> None:
        """Keep the data key of a header that was verified."""
        if self._age <= 0:
            return
        with self._lock:
            self._keys[header] = now + self._age, data_key
            while len(self._keys) > self._most:
                self._keys.popitem(last=False)
