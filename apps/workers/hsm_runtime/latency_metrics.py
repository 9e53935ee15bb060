"""Durations of the latest lane requests of this worker, in memory; the answer to `Status` has them.

Only successful requests are counted, because a refused algorithm is text of the caller. One thread writes and reads,
so there is no lock. It costs less than a microsecond per request.
"""

from collections import deque

from apps.domain.hsm_client.protocol import Request, UseKey

SAMPLES = 256  # of each kind: enough for a meaningful 99th percentile, small enough for one packet
_REPORTED_KINDS = 64  # in one answer

_Kind = tuple[str, str]  # ("keys/sign", "ES256"), or ("UnsealSecret", "")


class LatencyMetrics:
    """The latest durations, by kind of request."""

    def __init__(self) -> None:
        self._kinds: dict[_Kind, tuple[list[int], deque[int]]] = {}

    def record_duration(self, request: Request, seconds: float) -> None:
        """Count a successful request."""
        kind = (request.permission, request.algorithm) if type(request) is UseKey else (type(request).__name__, "")
        entry = self._kinds.get(kind)
        if entry is None:
            entry = self._kinds[kind] = ([0], deque(maxlen=SAMPLES))
        entry[0][0] += 1
        entry[1].append(round(seconds * 1e6))

    def snapshot(self) -> list[tuple[str, str, int, list[int]]]:
        """(operation, algorithm, count since the start, latest microseconds) of the most frequent kinds."""
        frequent = sorted(self._kinds.items(), key=lambda item: -item[1][0][0])[:_REPORTED_KINDS]
        return [(name, algorithm, count[0], list(latest)) for (name, algorithm), (count, latest) in frequent]


_process = LatencyMetrics()
record_duration = _process.record_duration
snapshot = _process.snapshot
