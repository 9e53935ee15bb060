"""Live unwrapped handles: the most recently used stay, the others are destroyed in the HSM."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pkcs11
from pkcs11 import Attribute

from apps.hsm.types import StoredKey

Slot = tuple[StoredKey, Attribute]


class HandleCache:
    """An LRU of session objects, by the whole stored key and the purpose: a changed row is another key."""

    def __init__(self, *, size: int) -> None:
        self._size = size
        self._handles: OrderedDict[Slot, Any] = OrderedDict()

    def get(self, slot: Slot, unwrap: Callable[[], Any]) -> Any:
        """Return the live handle, unwrapped now if there is none."""
        handle = self._handles.get(slot)
        if handle is not None:
            self._handles.move_to_end(slot)
            return handle
        handle = self._handles[slot] = unwrap()
        if len(self._handles) > self._size:
            self._destroy(self._handles.popitem(last=False)[1])
        return handle

    def drop(self, slot: Slot) -> None:
        """Forget a handle that the module no longer knows."""
        self._handles.pop(slot, None)

    def clear(self) -> None:
        """Destroy all."""
        while self._handles:
            self._destroy(self._handles.popitem()[1])

    @property
    def size(self) -> int:
        """Maximum number of live handles."""
        return self._size

    def __len__(self) -> int:
        return len(self._handles)

    @staticmethod
    def _destroy(handle: Any) -> None:
        try:
            handle.destroy()
        except pkcs11.PKCS11Error:
            return  # gone already: what we wanted
