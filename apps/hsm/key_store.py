"""Stored keys in use: verified by their HMAC, unwrapped into single-purpose handles, evicted when others need room.

A key is verified and unwrapped once as long as it stays in the caches. Both are keyed by the whole stored key, so a
changed row is another key.
"""

import dataclasses
import hmac
from collections.abc import Callable
from typing import Any, TypeVar

import pkcs11
from pkcs11 import Attribute

from apps.hsm import binding, generation, public_keys
from apps.hsm.errors import BindingMismatch, MasterMissing, Meaning, UnwrapRefused, meaning_of, translate_pkcs11_errors
from apps.hsm.handles import HANDLES_SHARE, MemoryCache, Slot, destroy, size_of_handle, size_of_verified
from apps.hsm.masters import Masters
from apps.hsm.types import Binding, StoredKey

Result = TypeVar("Result")


class KeyStore:
    """The loaded masters, and the live keys under them."""

    def __init__(self, *, canary: Callable[[], None], cache_limit: int) -> None:
        """`cache_limit`: bytes that handles and verified keys may take."""
        self.cache_limit = cache_limit
        handles_limit = int(cache_limit * HANDLES_SHARE)
        self.handles: MemoryCache[Slot, Any] = MemoryCache(limit=handles_limit, size_of=size_of_handle, release=destroy)
        self.verified: MemoryCache[StoredKey, public_keys.PublicKey | None] = MemoryCache(
            limit=cache_limit - handles_limit, size_of=size_of_verified
        )
        self._canary = canary
        self._masters: dict[tuple[str, int], Masters] = {}

    @property
    def cache_used(self) -> int:
        """Bytes of live handles and verified keys."""
        return self.handles.used + self.verified.used

    def add(self, loaded: Masters) -> None:
        """Use these masters for their world and generation."""
        self._masters[loaded.pins.world, loaded.pins.generation] = loaded

    def all_masters(self) -> tuple[Masters, ...]:
        """Return the masters of every loaded generation."""
        return tuple(self._masters.values())

    def masters_of(self, world: str, number: int) -> Masters:
        """Return the masters of one generation. Raises `MasterMissing` when they were not loaded."""
        try:
            return self._masters[world, number]
        except KeyError:
            raise MasterMissing(f"this process has no masters of world {world[:40]!a}, generation {number}") from None

    def masters_for(self, target: Binding) -> Masters:
        """Return the masters that a binding names. Raises `MasterMissing`."""
        return self.masters_of(target.world, target.generation)

    def bind(self, key: StoredKey) -> StoredKey:
        """Return the key with the HMAC of its world over all its fields."""
        with translate_pkcs11_errors(self._canary):
            return dataclasses.replace(key, mac=self.masters_for(key.binding).mac(binding.binding_bytes(key)))

    def verify_binding(self, key: StoredKey, operations: tuple[str, ...] = ()) -> public_keys.PublicKey | None:
        """Verify that a key is bound, and to one of the operations; return its parsed public half (None for oct).

        Raises `BindingMismatch`.
        """
        public = self.verified.get(key, lambda: self._verify(key))
        if operations and not set(operations).intersection(key.binding.operations):
            raise BindingMismatch(f"the stored key is not bound to {' or '.join(operations)}")
        return public

    def with_handle(self, key: StoredKey, purpose: Attribute, use: Callable[[Any], Result]) -> Result:
        """Use a live handle of a verified key; one that the module no longer knows is unwrapped again, once.

        Raises `OperationFailed` when the module refuses the use, `UnwrapRefused` when it refuses the key.
        """
        slot = (key, purpose)
        with translate_pkcs11_errors(self._canary):
            try:
                return use(self.handles.get(slot, lambda: self._unwrap(key, purpose)))
            except pkcs11.PKCS11Error as error:
                if meaning_of(error) is not Meaning.REOPEN:
                    raise
            self.handles.drop(slot)
            return use(self.handles.get(slot, lambda: self._unwrap(key, purpose)))

    def _verify(self, key: StoredKey) -> public_keys.PublicKey | None:
        with translate_pkcs11_errors(self._canary):
            expected = self.masters_for(key.binding).mac(binding.binding_bytes(key))
        if not hmac.compare_digest(expected, key.mac):
            raise BindingMismatch("the stored key is not what the HSM bound")
        return public_keys.load(key.public_key) if key.public_key else None

    def _unwrap(self, key: StoredKey, purpose: Attribute) -> Any:
        """Raises `UnwrapRefused`, never `OperationFailed`: the key is genuine, so no caller's input is at fault."""
        with translate_pkcs11_errors(self._canary, refused=UnwrapRefused):
            return generation.unwrap(self.masters_for(key.binding), key.binding, key.blob, purpose=purpose)
