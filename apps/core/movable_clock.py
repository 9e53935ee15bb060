"""The clock of a test installation, which can be moved forward to try rotations, expiries and purges of months.

An installation has such a clock from its first start or never. It needs a row of `core_movableclock`, which only the
owner of the tables can insert, and the setting `TEST_CLOCK` of each process; without the setting a process does not
read the row. The database refuses production vaults if there is the row, and each reading checks that there is none
(docs/decisions/0041-policies-calendar-clock.md).
"""

from datetime import timedelta

from django.conf import settings

from apps.core.errors import Unavailable
from apps.core.sql import execute, select_value
from apps.core.ttl_cache import TtlCache

LONGEST = timedelta(days=20 * 366)  # by which the clock can be moved in all
TRUST_SECONDS = 0.5  # for which a process uses the offset that it has read
_NONE = timedelta(0)
_READ = "SELECT test_clock_seconds()"  # null: no row, or a production vault (migration certificates 0008)
_MOVE = "UPDATE core_movableclock SET seconds = seconds + %s, moved = clock_timestamp()"
_offset: TtlCache[timedelta] = TtlCache(maxsize=1, ttl=TRUST_SECONDS)


class ClockRefused(Unavailable):
    """The process has `TEST_CLOCK`, and there is a production vault, or no row."""


def is_movable() -> bool:
    """Tell whether this installation was made with a clock that moves."""
    return bool(settings.TEST_CLOCK)


def offset() -> timedelta:
    """Return by how much the clock was moved, at most half a second old. Raises `ClockRefused`, `django.db.Error`."""
    return _offset.get("", _read) if settings.TEST_CLOCK else _NONE


def move(by: timedelta) -> timedelta:
    """Move the clock forward in the caller's transaction, and return the whole offset. Raises as `offset`."""
    _read()  # refuses beside a production vault
    execute(_MOVE, [int(by.total_seconds())])
    return _read()


def invalidate() -> None:
    """Let this process read the offset at its next use, after a move of its own."""
    _offset.clear()


def _read() -> timedelta:
    seconds = select_value(_READ)
    if seconds is None:
        raise ClockRefused(
            "This installation was started with a clock that moves, and has a production vault or was initialised "
            "without that clock. Nothing is served; start a new one in another state directory."
        )
    return timedelta(seconds=seconds)
