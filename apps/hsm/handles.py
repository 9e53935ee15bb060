"""What a process keeps of the stored keys in use: within a limit of memory, the most recently used.

A live handle is a session object of the module, an unwrapped key for one purpose. A verified key is a stored key whose
HMAC was found right, with its parsed public half.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import pkcs11
from pkcs11 import Attribute

from apps.hsm import public_keys
from apps.hsm.types import AES_BITS, ED25519, StoredKey

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")
Slot = tuple[StoredKey, Attribute]

# Resident bytes of a live handle and of a verified key, each with its stored key, by the parameter of the key: measured
# with SoftHSM 2.6.1 and rounded up (docs/reference/pkcs11-facts.md sections 16 and 17).
_KB = 1024
_HANDLE_BYTES = (
    {"2048": 17 * _KB, "3072": 18 * _KB, "4096": 20 * _KB}
    | dict.fromkeys(public_keys.CURVES, 13 * _KB)
    | dict.fromkeys((*AES_BITS, ED25519), 13 * _KB)
)
_VERIFIED_BYTES = (
    {"2048": 4 * _KB, "3072": 4 * _KB, "4096": 5 * _KB}
    | dict.fromkeys(public_keys.CURVES, 4 * _KB)
    | dict.fromkeys(AES_BITS, _KB)
    | {ED25519: 3 * _KB, "ML-DSA-44": 11 * _KB, "ML-DSA-65": 15 * _KB, "ML-DSA-87": 19 * _KB}
    | {"ML-KEM-768": 11 * _KB, "ML-KEM-1024": 16 * _KB}
)
HANDLES_SHARE = 0.75  # of the limit of a process; the rest is for verified keys


class MemoryCache(Generic[Key, Value]):
    """An LRU of entries whose sizes are known; their sum never exceeds the limit."""

    def __init__(
        self, *, limit: int, size_of: Callable[[Key], int], release: Callable[[Value], None] = lambda _value: None
    ) -> None:
        """`limit`: bytes. `release`: called with each value that leaves to make room, or is cleared."""
        self._limit = limit
        self._used = 0
        self._size_of = size_of
        self._release = release
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()  # the value and its size

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value, made now if there is none. Room is made before: what is made never exceeds the limit."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
            return found[0]
        size = self._size_of(key)
        while self._entries and self._used + size > self._limit:
            self._release(self._remove_oldest())
        value = make()
        self._entries[key] = value, size
        self._used += size
        return value

    def drop(self, key: Key) -> None:
        """Forget an entry without releasing it: the module no longer knows the handle."""
        found = self._entries.pop(key, None)
        if found is not None:
            self._used -= found[1]

    def clear(self) -> None:
        """Release all."""
        while self._entries:
            self._release(self._remove_oldest())

    @property
    def used(self) -> int:
        """Bytes of all entries."""
        return self._used

    def __len__(self) -> int:
        return len(self._entries)

    def _remove_oldest(self) -> Value:
        _, (value, size) = self._entries.popitem(last=False)
        self._used -= size
        return value


def size_of_handle(slot: Slot) -> int:
    """Resident bytes of a live handle with its slot; of a size that no customer's key has, those of the largest."""
    return _HANDLE_BYTES.get(slot[0].binding.parameter, max(_HANDLE_BYTES.values()))


def size_of_verified(key: StoredKey) -> int:
    """Resident bytes of a verified key; of other sizes as for handles."""
    return _VERIFIED_BYTES.get(key.binding.parameter, max(_VERIFIED_BYTES.values()))


def destroy(handle: Any) -> None:
    """Destroy the session object in the module."""
    try:
        handle.destroy()
    except pkcs11.PKCS11Error:
        return  # gone already: what we wanted
