"""How long each part of the log's care may rest before somebody has to look. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple


class Thresholds(NamedTuple):
    """After how long a rest wants a look, and when it is wrong."""

    look: timedelta
    wrong: timedelta


NUMBERING = Thresholds(timedelta(seconds=10), timedelta(minutes=1))  # a record has its number within a second
DELIVERING = Thresholds(timedelta(minutes=2), timedelta(minutes=10))  # 99 of 100 are there within a minute


def checking(every: timedelta) -> Thresholds:
    """The server looks at its logs again every so often."""
    return Thresholds(max(timedelta(minutes=2), 4 * every), max(timedelta(minutes=10), 10 * every))


def level_of(since: datetime | None, patience: Thresholds, *, now: datetime) -> str:
    """`ok`, `attention` or `wrong`: how grave it is that nothing was done since. None: there is nothing to do."""
    if since is None or now - since <= patience.look:
        return "ok"
    return "wrong" if now - since > patience.wrong else "attention"


def most_severe(levels: Iterable[str]) -> str:
    """The gravest of several; `ok` when there is none."""
    found = set(levels)
    return next((level for level in ("wrong", "attention") if level in found), "ok")
