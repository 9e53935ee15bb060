"""Identifiers made by us, never by a caller."""

import uuid

from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """Make a time-ordered UUID (RFC 9562 section 5.7), greater than those that this process made before."""
    return compat.uuid7()


def uuid7_time(identifier: uuid.UUID) -> float:
    """Return when a `uuid7` was made, in seconds since 1970."""
    return (identifier.int >> 80) / 1000


def min_uuid7_at(seconds: float) -> uuid.UUID:
    """Return the least `uuid7` of a moment."""
    return uuid.UUID(int=max(0, int(seconds * 1000)) << 80)


def new_version() -> str:
    """Make an object version: 32 lower-case hex digits (docs/reference/wire-contract.md section 4)."""
    return uuid.uuid4().hex
