"""How long each process of the audit log may stall before a warning. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple


class Thresholds(NamedTuple):
    """The ages at which the level becomes a warning and an error."""

    warning: timedelta
    critical: timedelta


NUMBERING = Thresholds(timedelta(seconds=10), timedelta(minutes=1))  # a record has its number within a second
DELIVERING = Thresholds(timedelta(minutes=2), timedelta(minutes=10))  # 99 of 100 are there within a minute


def checking(every: timedelta) -> Thresholds:
    """The thresholds of a verification that runs at an interval."""
    return Thresholds(max(timedelta(minutes=2), 4 * every), max(timedelta(minutes=10), 10 * every))


def level_of(since: datetime | None, thresholds: Thresholds, *, now: datetime) -> str:
    """The level, `ok`, `attention` or `wrong`, of no progress since a time. None: nothing waits."""
    if since is None or now - since <= thresholds.warning:
        return "ok"
    return "wrong" if now - since > thresholds.critical else "attention"


def most_severe(levels: Iterable[str]) -> str:
    """The most severe level; `ok` when there is none."""
    found = set(levels)
    return next((level for level in ("wrong", "attention") if level in found), "ok")
