"""Identifiers made by us, never by a caller."""

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = [0]


def uuid7() -> uuid.UUID:
    """A time-ordered UUID (RFC 9562 section 5.7, method 3): 60 bits of time, 62 random bits.

    Each is greater than those that this process made before, so that what is made in order sorts in order.
    """
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    ticks = (milliseconds << 12) | (rest * 4096 // 1_000_000)
    with _lock:
        _last[0] = ticks = max(ticks, _last[0] + 1)
    random = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
    value = ((ticks >> 12) & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (ticks & 0xFFF) << 64
    value |= 0b10 << 62 | random
    return uuid.UUID(int=value)


def uuid7_time(identifier: uuid.UUID) -> float:
    """When a `uuid7` was made, in seconds since 1970."""
    return (identifier.int >> 80) / 1000


def min_uuid7_at(seconds: float) -> uuid.UUID:
    """The least `uuid7` of a moment."""
    return uuid.UUID(int=max(0, int(seconds * 1000)) << 80)


def new_version() -> str:
    """An object version: 32 lower-case hex digits (docs/reference/wire-contract.md section 4)."""
    return uuid.uuid4().hex
