"""The dates at which something happens to an object, for the scheduler and for the calendar. Pure.

The schedule of a kind returns the dates for one version. The scheduler acts on the dates of the current version; the
calendar applies the schedule to the versions that will be created too. So the two cannot differ
(docs/decisions/0041-policies-calendar-clock.md).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

_EARLIEST = datetime(1, 1, 2, tzinfo=UTC)  # also where it is shown in the time of another place


class Event(StrEnum):
    """What happens. The value is the name in the management API."""

    ROTATE = "rotates"  # a key gets a new version
    RENEW = "is renewed"  # a certificate gets a new version
    NOTICE = "is reported"  # a certificate's lifetime action is a record for its contacts
    NEAR_EXPIRY = "expires soon"
    EXPIRE = "expires"
    PURGE = "is purged"


class Version(NamedTuple):
    """The facts of a version on which its dates depend. Times are aware."""

    created: datetime
    not_before: datetime | None
    expires: datetime | None
    enabled: bool


class Dated(Protocol):
    """A row of a version, with the facts of `Version`."""

    @property
    def created(self) -> datetime: ...
    @property
    def not_before(self) -> datetime | None: ...
    @property
    def expires(self) -> datetime | None: ...
    @property
    def enabled(self) -> bool: ...


class Schedule(Protocol):
    """The dates of a kind of object under a policy."""

    def times(self, version: Version) -> dict[Event, datetime]:
        """Return the time of each event of a version that stays the current one. An absent event does not happen."""
        ...

    def successor(self, event: Event, at: datetime, /) -> Version | None:
        """Return the version that the event creates at `at`; None: it creates none."""
        ...


class Occurrence(NamedTuple):
    """One entry of a calendar. `planned`: it is about a version that an earlier entry creates."""

    at: datetime
    event: Event
    planned: bool


@dataclass(frozen=True, slots=True)
class Expiry:
    """The schedule of an object whose versions expire and are not created by the scheduler, such as a secret."""

    near_expiry_days: int

    def times(self, version: Version) -> dict[Event, datetime]:
        """Return the times of `NEAR_EXPIRY` and `EXPIRE`."""
        if version.expires is None:
            return {}
        return {
            Event.NEAR_EXPIRY: earlier(version.expires, timedelta(days=self.near_expiry_days)),
            Event.EXPIRE: version.expires,
        }

    def successor(self, _event: Event, _at: datetime, /) -> Version | None:
        """Return None: no event creates a version."""
        return None


_MOST_VERSIONS = 400  # of one object: more than one a day in a year
_ACTIONS = frozenset({Event.ROTATE, Event.RENEW, Event.NOTICE})  # carried out late rather than never


def earlier(moment: datetime, duration: Any) -> datetime:
    """The time that lies a duration (`timedelta`, `isodate.Duration`) before; at the earliest in the year 1.

    Callers may set any expiry: one date that cannot be computed must not stop the work for all other objects.
    """
    try:
        before: datetime = moment - duration
    except (OverflowError, ValueError):
        return _EARLIEST
    return before


def facts_of(row: Dated) -> Version:
    """Return the facts of a version's row."""
    return Version(row.created, row.not_before, row.expires, row.enabled)


def is_due(schedule: Schedule, version: Version, event: Event, *, now: datetime) -> bool:
    """Tell whether the event of this version is due."""
    at = schedule.times(version).get(event)
    return at is not None and at <= now


def occurrences(
    schedule: Schedule, version: Version, *, done: Collection[Event] = (), now: datetime, until: datetime
) -> Iterator[Occurrence]:
    """Yield the entries of an object from `now` to before `until`, in order.

    `done`: events that were carried out for the current version. Overdue rotations, renewals and notices are entries at
    `now`; other dates in the past are none.
    """
    planned, settled = False, frozenset(done)
    for _ in range(_MOST_VERSIONS):
        due = [
            (max(at, now) if event in _ACTIONS else at, event)
            for event, at in schedule.times(version).items()
            if event not in settled
        ]
        following: tuple[datetime, Version] | None = None
        for at, event in sorted(due):
            if at < now:
                continue
            if at >= until:
                return
            yield Occurrence(at, event, planned)
            next_version = schedule.successor(event, at)
            if next_version is not None:
                following = at, next_version
                break
        if following is None:
            return
        now, version = following
        planned, settled = True, frozenset()
