"""Progress of bulk rotations. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

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

    @property
    def settled(self) -> int:
        """Keys that are done, failed or left out."""
        return self.done + self.failed + self.left_out

    @property
    def percent(self) -> int:
        """Settled keys, rounded down: 100 means all."""
        return 100 if not self.total else 100 * self.settled // self.total


def progress(counts: dict[str, int], *, recent: int, since: datetime, last: datetime | None, now: datetime) -> Progress:
    """Compute the progress. `recent`: keys settled in the last `MEASURED`; `last`: when the last one was settled."""
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
    """Seconds until a page with progress refreshes: frequently at first, rarely for long work."""
    return next((seconds for limit, seconds in _PAUSES if age < limit), 10)
