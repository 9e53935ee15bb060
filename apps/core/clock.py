"""Time comes from here, at the edges only: everything below an interface is handed `now`."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def to_epoch(moment: datetime) -> int:
    """Whole seconds since 1970, as the wire wants them (docs/reference/wire-contract.md section 1)."""
    return int(moment.timestamp())
