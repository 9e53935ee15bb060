"""How long the latest lane requests of this worker took, in memory: told to whoever asks for `Status`.

Only what was done counts: a refused algorithm is the caller's text, and no kind of its own. One thread writes and
reads, so there is no lock. Costs less than a microsecond a request.
"""

from collections import deque
from typing import Any

from apps.domain.hsm_client.protocol import Request, UseKey

KEPT = 256  # of each kind: enough for a 99th percentile that means something, small enough for one packet
_MOST_TOLD = 64  # kinds in one answer

_Kind = tuple[str, str]  # ("keys/sign", "ES256"), or ("UnsealSecret", "")


class LatencyMetrics:
    """The latest durations by kind."""

    def __init__(self) -> None:
        self._kinds: dict[_Kind, tuple[list[int], deque[int]]] = {}

    def note(self, request: Request, seconds: float) -> None:
        """A request was done."""
        kind = (request.permission, request.algorithm) if type(request) is UseKey else (type(request).__name__, "")
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = ([0], deque(maxlen=KEPT))
        found[0][0] += 1
        found[1].append(round(seconds * 1e6))

    def told(self) -> list[tuple[str, str, int, list[int]]]:
        """(what, algorithm, how often since the start, the latest in microseconds), the most frequent kinds."""
        often = sorted(self._kinds.items(), key=lambda item: -item[1][0][0])[:_MOST_TOLD]
        return [(what, algorithm, count[0], list(latest)) for (what, algorithm), (count, latest) in often]


_measured = LatencyMetrics()
note = _measured.note


def snapshot() -> list[Any]:
    """What this process measured."""
    return list(_measured.told())
