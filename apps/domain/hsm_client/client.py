"""Sending work to the HSM workers: `call` for uses (the lane, answered at once), `submit` and `wait` for jobs."""

import time
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerDown

from apps.core import clock
from apps.core.errors import Conflict, Unavailable, raise_named
from apps.domain.access.audit_records import append_attempt
from apps.domain.access.grants import Grant
from apps.domain.hsm_client.lane_client import HsmUnavailable, client_for
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.protocol import Ping, Request
from apps.domain.hsm_client.request_facts import facts_of

WAIT_SECONDS = 60.0  # RSA-4096 takes up to 4 s on SoftHSM, and others may be before it
_POLL_SECONDS = (0.004, 0.05)  # first and longest pause
_HEALTH_SECONDS = 0.5


class JobPending(Unavailable):
    """The work is accepted but not finished in the time that a request may wait."""

    retry_after = 5


class SubjectGone(Conflict):
    """What a job was for was purged meanwhile. Raised by workers, and here again, for the submitter."""


def call(*, world: str, request: Request) -> Any:
    """Use a key, now. Raises the worker's error, or `HsmUnavailable`."""
    return client_for(world).ask(request)


def is_healthy(*, world: str) -> bool:
    """Does an HSM worker of the world answer, with its HSM?"""
    try:
        client_for(world).ask(Ping(), timeout=1.0)
    except Unavailable:
        return False
    return True


def submit(
    *,
    grant: Grant,
    kind: str,
    operation: str,
    world: str,
    subject: tuple[str, UUID],
    object_id: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> Job:
    """Record the attempt and store the job, in the caller's transaction; notify the world's workers once it commits.

    `operation` is the name in the audit records of attempt and outcome, `subject` the (type, id) that the job makes or
    changes, `detail` more for the attempt's record.
    """
    append_attempt(grant, operation=operation, object_id=object_id, **(detail or {}))
    subject_type, subject_id = subject
    job = Job.objects.create(
        kind=kind,
        world=world,
        subject_type=subject_type,
        subject_id=subject_id,
        grant=facts_of(grant, operation=operation, object_id=object_id)._asdict(),
        sent=now,
        created=now,
    )
    transaction.on_commit(lambda: notify_workers(job))
    return job


def notify_workers(job: Job) -> None:
    """Tell the world's workers of a job. A broker that is away loses nothing: the scheduler announces again."""
    try:
        _sender().send_task(job.kind, kwargs={"job_id": str(job.id)}, queue=f"hsm.{job.world}", retry=False)
    except (BrokerDown, OSError):
        return


def wait(job: Job) -> None:
    """Wait until the job is done.

    Raises the error that the job failed with; `HsmUnavailable` after cancelling it when the HSM went away before
    a worker took it (so that nothing is made that nobody waits for); `JobPending` after `WAIT_SECONDS`.
    """
    pause, longest = _POLL_SECONDS
    started = checked = time.monotonic()
    while True:
        state, error, message = Job.objects.values_list("state", "error", "message").get(pk=job.pk)
        if state == Job.State.DONE:
            return
        if state in (Job.State.FAILED, Job.State.CANCELLED):
            raise_named(error or HsmUnavailable.code, message)
        moment = time.monotonic()
        if moment - started > WAIT_SECONDS:
            raise JobPending("The HSM is still at work. Ask for the object again in a few seconds.")
        if moment - checked > _HEALTH_SECONDS:
            checked = moment
            if not is_healthy(world=job.world) and _cancel(job):
                raise HsmUnavailable("The HSM of this vault's security world is not available. Nothing was made.")
        time.sleep(pause)
        pause = min(pause * 1.5, longest)


def wait_briefly(job: Job, *, seconds: float) -> bool:
    """Whether the job ends within so many seconds, well or badly. It goes on in any case."""
    pause, longest = _POLL_SECONDS
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if Job.objects.filter(pk=job.pk).exclude(state__in=[Job.State.QUEUED, Job.State.RUNNING]).exists():
            return True
        time.sleep(pause)
        pause = min(pause * 1.5, longest)
    return False


@cache
def _sender() -> Celery:
    """A Celery app that only sends: its configuration is the one that the workers read."""
    app = Celery("vaultportal", set_as_current=False)
    app.conf.update(settings.CELERY)
    return app


def _cancel(job: Job) -> bool:
    """Take the job back, if no worker has it yet."""
    return (
        Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(
            state=Job.State.CANCELLED, finished=clock.now(), error=HsmUnavailable.code
        )
        == 1
    )
