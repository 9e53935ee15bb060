"""Reading jobs."""

from datetime import datetime, timedelta

from apps.jobs.models import Job


def open_jobs(*, now: datetime) -> tuple[int, datetime | None, int]:
    """How many jobs are open, when the oldest of them was made, and how many failed in the last day."""
    open_ones = Job.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])
    oldest = open_ones.order_by("created").values_list("created", flat=True).first()
    failed = Job.objects.filter(state=Job.State.FAILED, finished__gte=now - timedelta(days=1)).count()
    return open_ones.count(), oldest, failed


def recent_jobs(*, limit: int) -> list[Job]:
    """The newest jobs, in any state."""
    return list(Job.objects.order_by("-created")[:limit])
