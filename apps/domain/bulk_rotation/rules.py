"""Rules of rollovers: their progress, when a consumer has moved, when a rehearsal is clean. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

MEASURED = timedelta(seconds=30)  # the rate is measured over the last half minute
STUCK = timedelta(seconds=30)  # no key was settled for this long although some wait: RSA-4096 takes 4 s on SoftHSM
_PAUSES = ((timedelta(seconds=30), 1), (timedelta(minutes=5), 3))


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of keys, and figures derived from them.

    `rate`: keys per second, 0 when unknown. `left`: seconds for the rest at this rate, None when unknown.
    """

    total: int
    done: int
    failed: int
    left_out: int
    begun: int
    waiting: int
    rate: float
    left: float | None
    stuck: bool
    observing: int = 0  # of a staged rollover: created or announced, and not all consumers have moved
    moved: int = 0
    retired: int = 0

    @property
    def settled(self) -> int:
        """Keys that are done, retired, failed or left out."""
        return self.done + self.retired + self.failed + self.left_out

    @property
    def percent(self) -> int:
        """Settled keys, rounded down: 100 means all."""
        return 100 if not self.total else 100 * self.settled // self.total


def progress(counts: dict[str, int], *, recent: int, since: datetime, last: datetime | None, now: datetime) -> Progress:
    """Compute the progress. `recent`: keys settled in the last `MEASURED`; `last`: when the last one was settled."""
    states = ("done", "failed", "left", "begun", "waiting", "created", "observing", "moved", "retired")
    known = {state: counts.get(state, 0) for state in states}
    window = min(max((now - since).total_seconds(), 1.0), MEASURED.total_seconds())
    rate, open_keys = recent / window, known["begun"] + known["waiting"]
    return Progress(
        total=sum(known.values()),
        done=known["done"],
        failed=known["failed"],
        left_out=known["left"],
        begun=known["begun"],
        waiting=known["waiting"],
        rate=rate,
        left=open_keys / rate if rate else None,
        stuck=open_keys > 0 and now - (last or since) > STUCK,
        observing=known["created"] + known["observing"],
        moved=known["moved"],
        retired=known["retired"],
    )


def pause_before_asking_again(*, age: timedelta) -> int:
    """Seconds until a page with progress refreshes: frequently at first, rarely for long work."""
    return next((seconds for limit, seconds in _PAUSES if age < limit), 10)


OBSERVE_EVERY = timedelta(seconds=30)  # between two checks of the consumers of old versions
BROWN_OUT_PERCENT = (0, 1, 10)  # 0 ends one
BROWN_OUT = timedelta(minutes=1)
LONGEST_REHEARSAL = timedelta(days=90)
DEFAULT_QUIET_DAYS, MOST_QUIET_DAYS = 7, 365  # days without a call after which a consumer counts as moved


class Standing(StrEnum):
    """Whether a consumer has moved from the old to the new version of a key: all but `BEHIND` have."""

    NEW = "new"  # never used the old version
    ACKNOWLEDGED = "acknowledged"  # reported that it uses the new version, and did not use the old one since
    QUIET = "quiet"  # did not use the old version for the days without a call
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class VersionUse:
    """Successful calls of one caller with one version."""

    calls: int
    last: datetime
    would_fail: int = 0  # of the calls: in rehearsals

    def __add__(self, other: "VersionUse") -> "VersionUse":
        """The calls of both."""
        last = max(self.last, other.last)
        return VersionUse(self.calls + other.calls, last, self.would_fail + other.would_fail)


@dataclass(frozen=True, slots=True)
class Consumer:
    """A caller of a key with its use of two of the key's versions. `caller`: as records name it."""

    caller_id: UUID
    caller: str
    old: VersionUse | None
    new: VersionUse | None
    acknowledged: datetime | None = None  # when it reported that it uses the new version

    @property
    def has_acknowledged(self) -> bool:
        """Whether it acknowledged the new version, and did not use the old one afterwards."""
        return self.acknowledged is not None and (self.old is None or self.old.last < self.acknowledged)

    def moves_at(self, *, announced: datetime, quiet: timedelta) -> datetime:
        """Return the time from which it counts as moved, if it does not use the old version again.

        `quiet` counts from the last call, or from the announcement if that is later: before it, the consumer could not
        know of the new version.
        """
        if self.has_acknowledged and self.acknowledged is not None:
            return self.acknowledged
        last = self.old.last if self.old else announced
        return max(last, announced) + quiet

    def standing(self, *, announced: datetime, quiet: timedelta, now: datetime) -> Standing:
        """Return the state of the consumer at `now`."""
        if self.old is None:
            return Standing.NEW
        if self.has_acknowledged:
            return Standing.ACKNOWLEDGED
        return Standing.QUIET if self.moves_at(announced=announced, quiet=quiet) <= now else Standing.BEHIND


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The rehearsal of a version's retirement. `failing`: the consumers that used the version since `since`."""

    since: datetime
    until: datetime
    failing: tuple[Consumer, ...]

    def is_running(self, now: datetime) -> bool:
        """Whether uses are still reported."""
        return now < self.until

    def is_clean(self, now: datetime) -> bool:
        """Whether it is over, and no consumer has used the version since it began."""
        return not self.is_running(now) and not self.failing

    def state(self, now: datetime) -> str:
        """Return "running", "clean" or "not clean"."""
        return "running" if self.is_running(now) else "clean" if self.is_clean(now) else "not clean"


def rehearsal_of(consumers: Iterable[Consumer], *, since: datetime, until: datetime) -> Rehearsal:
    """Judge a rehearsal by the last calls, which includes calls before the HSM workers knew of the rehearsal."""
    failing = tuple(one for one in consumers if one.old is not None and one.old.last >= since)
    return Rehearsal(since, until, failing)


def all_moved_at(consumers: Iterable[Consumer], *, announced: datetime, quiet: timedelta) -> datetime:
    """Return the time from which all consumers of the old version have moved, if none uses it again.

    A version without a known consumer waits for `quiet` after the announcement too.
    """
    moves = [one.moves_at(announced=announced, quiet=quiet) for one in consumers if one.old is not None]
    return max(moves, default=announced + quiet)
