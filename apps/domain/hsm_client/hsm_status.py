"""How the HSMs are, as their workers say: the web asks over the lane and never touches PKCS#11 itself."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.domain.hsm_client.lane_client import client_for
from apps.domain.hsm_client.protocol import Status

_TIMEOUT = 0.5  # a page waits for it
# What people call the requests that are no use of a key. What is not here (Ping, Status) is of no interest.
_NAMES = {
    "UnsealSecret": "secrets/get",
    "SealSecret": "secrets/set",
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
    """What was done, how often since the workers started, and how long the latest of it took, in milliseconds."""

    operation: str
    algorithm: str
    count: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker of a lane. `facts` is None when it did not answer, or has no HSM yet."""

    name: str
    facts: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class WorldStatus:
    """The workers of one world."""

    world: str
    workers: tuple[WorkerStatus, ...]
    latencies: tuple[Latency, ...]
    p99: float | None  # over everything; None: nothing was done yet

    @property
    def serving(self) -> bool:
        """Whether any worker has its HSM."""
        return any(worker.facts for worker in self.workers)


def status_of(*, world: str) -> WorldStatus:
    """What the workers of a world say now. Never fails: who does not answer is said not to."""
    answers = client_for(world).ask_each(Status(), timeout=_TIMEOUT)
    workers = tuple(
        WorkerStatus(name, answer if isinstance(answer, dict) else None) for name, answer in sorted(answers.items())
    )
    return merge_latencies(world, workers)


def merge_latencies(world: str, workers: Sequence[WorkerStatus]) -> WorldStatus:
    """The figures of several workers as those of their world. Pure."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    samples: dict[tuple[str, str], list[int]] = defaultdict(list)
    for worker in workers:
        for what, algorithm, count, latest in (worker.facts or {}).get("latency", ()):
            operation = what if "/" in what else _NAMES.get(what)
            if operation:
                counts[operation, algorithm] += count
                samples[operation, algorithm] += latest
    latencies = [
        Latency(*kind, counts[kind], percentile(found, 50), percentile(found, 99)) for kind, found in samples.items()
    ]
    together = [value for found in samples.values() for value in found]
    return WorldStatus(
        world=world,
        workers=tuple(workers),
        latencies=tuple(sorted(latencies, key=lambda row: -row.count)),
        p99=percentile(together, 99) if together else None,
    )


def percentile(microseconds: Iterable[int], percent: int) -> float:
    """Milliseconds that so many percent of the values do not exceed (nearest rank)."""
    ordered = sorted(microseconds)
    return ordered[-(-len(ordered) * percent // 100) - 1] / 1000
