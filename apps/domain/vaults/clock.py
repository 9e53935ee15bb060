"""Moving the clock of a test installation."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.audit_log.operation_names import Operation
from apps.core import movable_clock
from apps.core.errors import BadRequest, Conflict
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission


class ClockNotMovable(Conflict):
    """The installation has no clock that moves."""


class BadMove(BadRequest):
    """A move backward, or too far."""


@dataclass(frozen=True, slots=True)
class Clock:
    """`now`: the time of objects and vaults; `machine`: the time of this machine; `moved`: the difference."""

    movable: bool
    machine: datetime
    moved: timedelta

    @property
    def now(self) -> datetime:
        """The time of objects and vaults."""
        return self.machine + self.moved


def read_clock(*, now: datetime) -> Clock:
    """Return the clock of this installation; `now` is the machine's time. Raises `ClockRefused`."""
    return Clock(movable_clock.is_movable(), now, movable_clock.offset())


def move_clock(*, grant: Grant, by: timedelta, now: datetime) -> Clock:
    """Move the clock forward by whole seconds; every process follows within a second. `now` is the machine's time.

    Raises `ClockNotMovable`, `BadMove`, `ClockRefused`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    by -= timedelta(microseconds=by.microseconds)
    if not timedelta(0) < by <= movable_clock.LONGEST - movable_clock.offset():
        raise BadMove("The clock moves forward, by at most twenty years altogether.")
    if not movable_clock.is_movable():
        raise ClockNotMovable(
            "This installation has no clock that moves. Start a new one with `./portal up --clock`, for tests only."
        )
    with recorded_change(grant, Operation.CLOCK_MOVE, object_id="clock", invalidate=movable_clock.invalidate) as record:
        clock = Clock(True, now, movable_clock.move(by))
        record.detail = {"seconds": int(by.total_seconds()), "to": clock.now.isoformat()}
    return clock
