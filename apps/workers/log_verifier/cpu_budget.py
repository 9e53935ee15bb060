"""A limit of the processor time that this process uses, as a share of one core."""

import time
from collections.abc import Callable

_WINDOW_SECONDS = 60.0


class CpuBudget:
    """Processor time of the whole process, averaged over a minute.

    What was not used within the last minute may be used at once. `cpu`: seconds of processor time used so far;
    `clock`: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        *,
        share: float,
        cpu: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cpu, self._clock = cpu, clock
        self._used, self._at = cpu(), clock()
        self._credit = share * _WINDOW_SECONDS  # seconds of processor time

    def pause(self, share: float) -> float:
        """Return the seconds to wait, so that the process stays within this share of a core; 0: none."""
        used, at = self._cpu(), self._clock()
        earned = share * (at - self._at)
        self._credit = min(share * _WINDOW_SECONDS, self._credit + earned) - (used - self._used)
        self._used, self._at = used, at
        return max(0.0, -self._credit / share)
