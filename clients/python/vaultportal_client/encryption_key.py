"""A data key with which new messages are encrypted, and how much of its limits is used."""

import threading
from collections.abc import Mapping

from vaultportal_client.key_reference import KeyReference
from vaultportal_client.limits import Limits
from vaultportal_client.message import DataKey


class EncryptionKey:
    """A data key with its header. Times are seconds of the client's clock.

    `key_ids`: the versions that wrap it, by key. `complete`: there is a copy for every configured key.
    `generation`: how many times `refresh` had been called when the newest versions were last looked up.
    """

    __slots__ = (
        *("_bytes", "_expires", "_limits", "_lock", "_messages"),
        *("check_at", "complete", "data_key", "generation", "header", "key_ids"),
    )

    def __init__(
        self, data_key: DataKey, header: bytes, key_ids: Mapping[KeyReference, str], *,
        complete: bool, limits: Limits, now: float,
    ) -> None:  # fmt: skip
        self.data_key, self.header, self.key_ids, self.complete = data_key, header, dict(key_ids), complete
        self.generation, self.check_at = 0, now
        self._limits, self._expires = limits, now + limits.max_age
        self._messages = self._bytes = 0
        self._lock = threading.Lock()

    def is_spent(self, now: float) -> bool:
        """Whether a limit is reached. The message that crosses the limit of bytes is the last one."""
        limits = self._limits
        return now >= self._expires or self._messages >= limits.max_messages or self._bytes >= limits.max_bytes

    def take(self, size: int, now: float) -> int:
        """Count a message of `size` bytes. Returns its number (1, 2, 3 …), which no other message gets; 0: spent."""
        limits = self._limits
        with self._lock:  # as `is_spent`, without the call: this is on the path of every message
            if now >= self._expires or self._messages >= limits.max_messages or self._bytes >= limits.max_bytes:
                return 0
            self._bytes += size
            self._messages = number = self._messages + 1
            return number

    def add_bytes(self, size: int) -> None:
        """Count more bytes of a message whose size was not known before."""
        with self._lock:
            self._bytes += size
