"""The clock, read by interfaces only: everything below them gets `now` as an argument."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def to_epoch(moment: datetime) -> int:
    """Return whole seconds since 1970, as the API has times (docs/reference/wire-contract.md section 1)."""
    return int(moment.timestamp())
