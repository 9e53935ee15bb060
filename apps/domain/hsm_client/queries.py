"""Reading jobs."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.domain.hsm_client.hsm_status import percentile
from apps.domain.hsm_client.models import Job


@dataclass(frozen=True, slots=True)
class JobDuration:
    """How many jobs of a kind were done in a world, and how long they took, in milliseconds."""

    kind: str
    world: str
    count: int
    p50: float
    p99: float


def open_jobs(*, now: datetime) -> tuple[int, datetime | None, int]:
    """How many jobs are open, when the oldest of them was made, and how many failed in the last day."""
    open_ones = Job.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])
    oldest = open_ones.order_by("created").values_list("created", flat=True).first()
    failed = Job.objects.filter(state=Job.State.FAILED, finished__gte=now - timedelta(days=1)).count()
    return open_ones.count(), oldest, failed


def recent_jobs(*, limit: int) -> list[Job]:
    """The newest jobs, in any state."""
    return list(Job.objects.order_by("-pk")[:limit])  # ids of version 7 are in the order of time, and have an index


def job_durations(*, since: datetime, limit: int) -> list[JobDuration]:
    """How long the latest jobs took from the asking to the end, by kind and world; waiting for others included."""
    done = Job.objects.filter(state=Job.State.DONE, created__gte=since).order_by("-pk")
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for kind, world, created, finished in done.values_list("kind", "world", "created", "finished")[:limit]:
        if finished is not None:  # always, of what is done
            found[kind, world].append(int((finished - created) / timedelta(microseconds=1)))
    return [
        JobDuration(*kind, len(times), percentile(times, 50), percentile(times, 99))
        for kind, times in sorted(found.items())
    ]
