"""How far a rollover is. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

MEASURED = timedelta(seconds=30)  # the rate is that of the last half minute
STUCK = timedelta(seconds=30)  # nothing settled for so long, though keys wait: RSA-4096 takes 4 s on SoftHSM
_PAUSES = ((timedelta(seconds=30), 1), (timedelta(minutes=5), 3))


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of keys, and what follows from them.

    `rate`: keys a second, 0 when unknown. `left`: seconds that the rest takes at this rate, None when unknown.
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

    @property
    def settled(self) -> int:
        """Keys that need nothing more."""
        return self.done + self.failed + self.left_out

    @property
    def percent(self) -> int:
        """Settled keys, rounded down: 100 means all."""
        return 100 if not self.total else 100 * self.settled // self.total


def progress(counts: dict[str, int], *, recent: int, since: datetime, last: datetime | None, now: datetime) -> Progress:
    """From keys by state; `recent`: settled in the last `MEASURED`; `last`: when the last one settled."""
    known = {state: counts.get(state, 0) for state in ("done", "failed", "left", "begun", "waiting")}
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
    )


def pause_before_asking_again(*, age: timedelta) -> int:
    """Seconds until a page that shows progress asks again: often at first, seldom for work that takes long."""
    return next((seconds for limit, seconds in _PAUSES if age < limit), 10)
