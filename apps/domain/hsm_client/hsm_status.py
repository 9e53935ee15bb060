"""The state of the HSMs, as their workers report it over the lane: the web processes never use PKCS#11."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.domain.hsm_client.lane_client import client_for
from apps.domain.hsm_client.protocol import Status

_TIMEOUT = 0.5  # a page waits for it
# Names shown for the requests that do not use a key. Others (Ping, Status) are not shown.
_NAMES = {
    "UnsealSecret": "secrets/get",
    "StoreSecret": "secrets/set",
    "SealSecret": "secrets/seal",
    "SignToken": "tokens/issue",
    "ImportKey": "keys/import",
    "ImportWrappedKey": "keys/import",
    "ReleaseKey": "keys/release",
    "RandomBytes": "rng",
    "BindBackup": "backup",
    "RestoreKeyVersion": "restore",
    "RestoreSecretVersion": "restore",
    "SealCertificate": "certificates/seal",
}


@dataclass(frozen=True, slots=True)
class Latency:
    """An operation, its count since the workers started, and percentiles of its latest durations in milliseconds."""

    operation: str
    algorithm: str
    count: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One HSM worker. `facts` is None when it did not answer, or has no HSM yet."""

    name: str
    facts: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class WorldStatus:
    """The HSM workers of one world."""

    world: str
    workers: tuple[WorkerStatus, ...]
    latencies: tuple[Latency, ...]
    p99: float | None  # over all operations; None: there were none

    @property
    def serving(self) -> bool:
        """True when any worker has its HSM."""
        return any(worker.facts for worker in self.workers)


def status_of(*, world: str) -> WorldStatus:
    """Ask the workers of a world now. Never fails: a worker that does not answer is listed without facts."""
    answers = client_for(world).call_all(Status(), timeout=_TIMEOUT)
    workers = tuple(
        WorkerStatus(name, answer if isinstance(answer, dict) else None) for name, answer in sorted(answers.items())
    )
    return merge_latencies(world, workers)


def merge_latencies(world: str, workers: Sequence[WorkerStatus]) -> WorldStatus:
    """Combine the figures of several workers of a world. Pure."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    samples: dict[tuple[str, str], list[int]] = defaultdict(list)
    for worker in workers:
        for what, algorithm, count, latest in (worker.facts or {}).get("latency", ()):
            operation = what if "/" in what else _NAMES.get(what)
            if operation:
                counts[operation, algorithm] += count
                samples[operation, algorithm] += latest
    latencies = [
        Latency(*kind, counts[kind], percentile(times, 50), percentile(times, 99)) for kind, times in samples.items()
    ]
    together = [time for times in samples.values() for time in times]
    return WorldStatus(
        world=world,
        workers=tuple(workers),
        latencies=tuple(sorted(latencies, key=lambda row: -row.count)),
        p99=percentile(together, 99) if together else None,
    )


def percentile(microseconds: Iterable[int], percent: int) -> float:
    """The nearest-rank percentile, in milliseconds."""
    ordered = sorted(microseconds)
    return ordered[-(-len(ordered) * percent // 100) - 1] / 1000
