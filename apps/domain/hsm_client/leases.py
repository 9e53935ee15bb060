"""Who works on a job. One worker at a time holds it, by a conditional update and a lease that it renews.

These are the worker's own bookkeeping, not acts of a principal: the grant was demanded when the job was submitted.
"""

import uuid
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from apps.core.errors import VaultError
from apps.domain.hsm_client import client
from apps.domain.hsm_client.models import Job

LEASE = timedelta(seconds=3)
RENEW_SECONDS = 1.0
_ANNOUNCED_AGAIN_AFTER = timedelta(seconds=2)


class LeaseLost(VaultError):
    """Another worker took the job over, or it was cancelled: whatever was made must not be stored."""


def claim(*, job_id: uuid.UUID, now: datetime) -> Job | None:
    """Take a job that is queued, or whose worker stopped renewing. None when there is nothing to take."""
    token = uuid.uuid4()
    free = Q(state=Job.State.QUEUED) | Q(state=Job.State.RUNNING, leased_until__lt=now)
    taken = Job.objects.filter(free, pk=job_id).update(state=Job.State.RUNNING, claim=token, leased_until=now + LEASE)
    return Job.objects.get(pk=job_id) if taken == 1 else None


def renew(job: Job, *, now: datetime) -> None:
    """Keep the lease while working."""
    _mine(job).update(leased_until=now + LEASE)


def finish(job: Job, *, now: datetime) -> None:
    """Mark the job done; call it in the transaction that stores what it made. Raises `LeaseLost`."""
    if _mine(job).update(state=Job.State.DONE, finished=now, leased_until=None) != 1:
        raise LeaseLost("The job was taken over by another worker.")


def fail(job: Job, *, error: VaultError, now: datetime) -> bool:
    """Mark the job failed, with the error that its submitter will see. False when it is no longer ours."""
    changed = _mine(job).update(
        state=Job.State.FAILED, finished=now, leased_until=None, error=error.code, message=error.message
    )
    return changed == 1


def renotify_stale_jobs(*, now: datetime) -> int:
    """Announce the jobs that no worker has taken or that a dead worker left. Returns how many.

    This is what makes the broker disposable: after a FLUSHALL every open job is announced from here.
    """
    waiting = Q(state=Job.State.QUEUED, sent__lt=now - _ANNOUNCED_AGAIN_AFTER)
    abandoned = Q(state=Job.State.RUNNING, leased_until__lt=now)
    count = 0
    for job in Job.objects.filter(waiting | abandoned).order_by("sent")[:500]:
        if Job.objects.filter(pk=job.pk, sent=job.sent).update(sent=now) == 1:
            client.notify_workers(job)
            count += 1
    return count


def _mine(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, claim=job.claim, state=Job.State.RUNNING)
