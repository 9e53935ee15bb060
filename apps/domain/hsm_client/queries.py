"""Queries of jobs."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.core.job_queue import OPEN_STATES
from apps.domain.hsm_client.hsm_status import percentile
from apps.domain.hsm_client.models import Job


@dataclass(frozen=True, slots=True)
class JobDuration:
    """The number of finished jobs of a kind in a world, and percentiles of their durations in milliseconds."""

    kind: str
    world: str
    count: int
    p50: float
    p99: float


def open_jobs(*, now: datetime) -> tuple[int, datetime | None, int]:
    """The number of open jobs, the creation time of the oldest, and the number of failures in the last day."""
    open_rows = Job.objects.filter(state__in=OPEN_STATES)
    oldest = open_rows.order_by("created").values_list("created", flat=True).first()
    failed = Job.objects.filter(state=Job.State.FAILED, finished__gte=now - timedelta(days=1)).count()
    return open_rows.count(), oldest, failed


def recent_jobs(*, limit: int) -> list[Job]:
    """Load the newest jobs, in any state."""
    return list(Job.objects.order_by("-pk")[:limit])  # UUIDs of version 7 sort by time, and have an index


def job_durations(*, since: datetime, limit: int) -> list[JobDuration]:
    """Durations of the latest jobs from request to end, by kind and world, including the time in the queue."""
    done = Job.objects.filter(state=Job.State.DONE, created__gte=since).order_by("-pk")
    durations: dict[tuple[str, str], list[int]] = defaultdict(list)
    for kind, world, created, finished in done.values_list("kind", "world", "created", "finished")[:limit]:
        if finished is not None:  # always set for finished jobs
            durations[kind, world].append(int((finished - created) / timedelta(microseconds=1)))
    return [
        JobDuration(*kind, len(times), percentile(times, 50), percentile(times, 99))
        for kind, times in sorted(durations.items())
    ]
