"""The clock of a test installation, which can be moved forward so that months of life cycle pass at once.

An installation has it from its first start or never: a row of `core_movableclock`, which only the owner of the tables
inserts, and the setting `TEST_CLOCK` of each process. Without the setting a process reads no row. The database refuses
production vaults beside the row, and each reading looks for one again: a production vault's time is never moved
(docs/decisions/0041-policies-calendar-clock.md).
"""

from datetime import timedelta

from django.conf import settings

from apps.core.errors import Unavailable
from apps.core.sql import execute, select_value
from apps.core.ttl_cache import TtlCache

LONGEST = timedelta(days=20 * 366)
TRUST_SECONDS = 0.5
_NONE = timedelta(0)
_READ = "SELECT test_clock_seconds()"  # null: no row, or a production vault (migration certificates 0008)
_MOVE = "UPDATE core_movableclock SET seconds = seconds + %s, moved = clock_timestamp()"
_offset: TtlCache[timedelta] = TtlCache(maxsize=1, ttl=TRUST_SECONDS)


class ClockRefused(Unavailable):
    """The installation has a clock that moves and a production vault, or the setting without the row."""


def is_movable() -> bool:
    """Tell whether this installation was made with a clock that moves."""
    return bool(settings.TEST_CLOCK)


def offset() -> timedelta:
    """Return by how much the clock was moved; it counts within a second. Raises `ClockRefused`, `django.db.Error`."""
    return _offset.get("", _read) if settings.TEST_CLOCK else _NONE


def move(by: timedelta) -> timedelta:
    """Move the clock forward in the caller's transaction, and return by how much it is moved. Raises as `offset`."""
    _read()  # refuses beside a production vault
    execute(_MOVE, [int(by.total_seconds())])
    return _read()


def invalidate() -> None:
    """Let this process see its own move at once."""
    _offset.clear()


def _read() -> timedelta:
    seconds = select_value(_READ)
    if seconds is None:
        raise ClockRefused(
            "This installation was started with a clock that moves, and has a production vault or was initialised "
            "without that clock. Nothing is served; start a new one in another state directory."
        )
    return timedelta(seconds=seconds)
