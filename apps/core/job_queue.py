"""Job queue: rows that workers claim one at a time, with a lease that the worker renews.

A worker takes a row by setting a claim of its own. Each later write of that worker is conditional on the claim, so it
fails with `LeaseLost` after the row was cancelled, or taken over because the lease had run out. A killed worker
therefore leaves nothing behind but a row that the next one takes.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar

from django.db import models, transaction
from django.db.models import Q, QuerySet

from apps.core.errors import VaultError


class LeaseLost(VaultError):
    """The job was cancelled, or another worker has it: the result must not be stored."""


class JobState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When failed work is tried again. The pause doubles with each failure, up to `longest_pause`."""

    attempts: int | None = None  # None: no limit
    first_pause: timedelta = timedelta(0)
    longest_pause: timedelta = timedelta(0)

    def next_try(self, failures: int, *, now: datetime) -> datetime | None:
        """The time of the next attempt after so many failures in a row. None: give up."""
        if self.attempts is not None and failures >= self.attempts:
            return None
        return now + min(self.longest_pause, self.first_pause * (1 << min(failures - 1, 10)))


class QueuedJob(models.Model):
    """A row that one worker at a time processes. Subclasses say how long a lease lasts."""

    State = JobState
    LEASE: ClassVar[timedelta]

    state = models.CharField(max_length=9, choices=JobState.choices, default=JobState.QUEUED)
    claim = models.UUIDField(null=True)  # of the worker that has the lease
    leased_until = models.DateTimeField(null=True)
    created = models.DateTimeField()
    finished = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="%(class)s_state"),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    def begin(self) -> tuple[str, ...]:
        """Change what a claim changes besides, and return the names of those fields."""
        return ()

    def renew(self, *, now: datetime, **progress: Any) -> None:
        """Extend the lease and store the progress. Raises `LeaseLost`, as do the next three."""
        self._write(leased_until=now + self.LEASE, **progress)

    def finish(self, *, now: datetime, **result: Any) -> None:
        """Mark the job done. Call it in the transaction that stores the result."""
        self._write(state=JobState.DONE, finished=now, leased_until=None, **result)

    def fail(self, *, now: datetime, **reason: Any) -> None:
        """Mark the job failed."""
        self._write(state=JobState.FAILED, finished=now, leased_until=None, **reason)

    def release(self, **reason: Any) -> None:
        """Put the job back into the queue."""
        self._write(state=JobState.QUEUED, leased_until=None, **reason)

    def cancel(self, *, now: datetime, states: tuple[JobState, ...] = OPEN_STATES, **reason: Any) -> bool:
        """Cancel the job if it is in one of these states. The worker that has it learns of it by `LeaseLost`."""
        changes = {"state": JobState.CANCELLED, "finished": now, "leased_until": None, **reason}
        return self._rows().filter(state__in=states).update(**changes) == 1

    def _write(self, **changes: Any) -> None:
        if self._rows().filter(claim=self.claim, state=JobState.RUNNING).update(**changes) != 1:
            raise LeaseLost("The job was cancelled, or another worker has it.")
        for name, value in changes.items():
            setattr(self, name, value)

    def _rows(self) -> QuerySet["QueuedJob"]:
        return type(self)._default_manager.filter(pk=self.pk)  # noqa: SLF001  Django's documented name


Job = TypeVar("Job", bound=QueuedJob)


def claimable(*, now: datetime) -> Q:
    """The condition for rows that no worker has, or whose worker stopped renewing its lease."""
    return Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, leased_until__lt=now)


@transaction.atomic
def claim(rows: QuerySet[Job], *, now: datetime) -> Job | None:
    """Take the oldest claimable row of `rows`. None when there is none."""
    job = rows.filter(claimable(now=now)).select_for_update().order_by("created").first()
    if job is not None:
        job.state, job.claim, job.leased_until = JobState.RUNNING, uuid.uuid4(), now + job.LEASE
        job.save(update_fields=["state", "claim", "leased_until", *job.begin()])
    return job
