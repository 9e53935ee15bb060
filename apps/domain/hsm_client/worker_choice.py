"""Which of a world's HSM workers gets a request.

To unwrap a key takes as long as several uses of it, so the requests for one key go to one worker, its home, and to
others only when the home has many more requests in flight. Each key has a home of its own, which the names of the
workers decide, so that all processes send it to the same one, and when a worker goes away only its keys move.
"""

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

_SPILL_OVER = 4  # more requests in flight than another worker, which then unwraps the key and gets the request
_SPILL_TO_IDLE = 2  # the same when that worker has nothing to do
_SLOW_SECONDS = 0.004  # for each request; from here on any difference does: unwrapping costs less than an idle lane
_WEIGHT = 0.1  # of the latest request in the mean
_KEYS = 1 << 20  # that a worker's memory of its keys tells apart, one bit each


class Load:
    """What a worker has to do, how long that takes it, and which keys it was given.

    Its lock is the client's, except for `note_answer`, whose mean need not be exact.
    """

    def __init__(self, name: str) -> None:
        self.in_flight = 0
        self.is_slow = False  # a request takes it longer than to unwrap a key takes a processor
        self._seconds = 0.0  # mean for each request
        self._seed = crc32(name.encode())
        self._keys = bytearray(_KEYS // 8)

    def note_answer(self, seconds: float, ahead: int) -> None:
        """Note the time of an answer. `ahead`: requests in flight when it was sent, which are answered in turn."""
        self._seconds += _WEIGHT * (seconds / ahead - self._seconds)
        self.is_slow = self._seconds > _SLOW_SECONDS

    def has(self, affinity: int) -> int:
        """Not 0 when it was given this key, or one in a million that counts as the same."""
        return self._keys[affinity % _KEYS >> 3] & 1 << (affinity & 7)

    def note_key(self, affinity: int) -> None:
        """Note that it is given this key."""
        self._keys[affinity % _KEYS >> 3] |= 1 << (affinity & 7)

    def forget_keys(self) -> None:
        """Note that it was restarted, and has none of its keys."""
        self._keys = bytearray(_KEYS // 8)

    def weight_of(self, affinity: int) -> int:
        """The worker with the greatest weight is the home of a key (rendezvous hashing, Thaler and Ravishankar)."""
        return (affinity ^ self._seed) * 0x9E3779B1 & 0xFFFFFFFF


Worker = TypeVar("Worker", bound=Load)


def choose(workers: Sequence[Worker], affinity: int | None) -> Worker:
    """Choose one of the workers for a key, by its number (`Request.affinity`); None: any is as good as another.

    Of those without many more requests in flight than another, it is one that was given the key before, the one with
    the fewest requests; otherwise the home, or the next in the key's own order.
    """
    least = min([worker.in_flight for worker in workers])
    if affinity is None:
        return next(worker for worker in workers if worker.in_flight == least)
    more = least + (_SPILL_OVER if least else _SPILL_TO_IDLE)
    near = [worker for worker in workers if worker.in_flight < (least + 1 if worker.is_slow else more)]
    if len(near) > 1:
        having = [worker for worker in near if worker.has(affinity)]
        if having:
            fewest = min([worker.in_flight for worker in having])
            near = [worker for worker in having if worker.in_flight == fewest]
    chosen = near[0] if len(near) == 1 else max(near, key=lambda worker: worker.weight_of(affinity))
    chosen.note_key(affinity)
    return chosen
