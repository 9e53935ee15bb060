"""Requests to the HSM workers: `call` for uses of keys (the lane, answered at once), `submit` and `wait` for jobs."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from celery import Celery
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from kombu.exceptions import OperationalError as BrokerDown
from psycopg.types.json import Jsonb

from apps.audit_log.operation_names import Operation
from apps.audit_log.records import Phase
from apps.audit_log.writer import INTO, ROWS, Numbered, Record
from apps.core import clock, job_queue
from apps.core.errors import Conflict, Unavailable, VaultError, raise_named
from apps.core.job_queue import OPEN_STATES, JobState
from apps.core.sql import execute_prepared, select_prepared
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Grant
from apps.domain.hsm_client.lane_client import HsmUnavailable, client_for
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.notifications import LISTENER
from apps.domain.hsm_client.protocol import CallerRequest, Facts, Ping, Request

WAIT_SECONDS = 60.0  # RSA-4096 takes up to 4 s on SoftHSM, and other jobs may be queued before it
_POLL_SECONDS = (0.25, 0.5)  # first and longest pause between two readings of a job's row without a notification
_HEALTH_SECONDS = 0.5
_RENOTIFY_AFTER = timedelta(seconds=2)


# The other columns are of jobs that a worker has taken.
_JOB_COLUMNS = (
    *("id", "kind", "world", "subject_type", "subject_id", "state", "attempts", "error", "message"),
    *("grant", "sent", "created"),
)
_INSERT_JOB = f"""
    WITH record AS ({INTO} SELECT record.* FROM {ROWS})
    INSERT INTO jobs_job ({", ".join(f'"{name}"' for name in _JOB_COLUMNS)})
    VALUES ({", ".join(f"%({name})s" for name in _JOB_COLUMNS)})"""  # noqa: S608  names are ours


class JobPending(Unavailable):
    """The work is accepted but not finished in the time that a request may wait."""

    retry_after = 5


class SubjectGone(Conflict):
    """The object of a job was purged in the meantime. Raised by workers, and here again for the submitter."""


class JobRefused(VaultError):
    """A job's row says what no process of ours writes, or the job cannot be finished. A 500, and an incident."""


def call(*, world: str, request: Request) -> Any:
    """Use a key now. Raises the worker's error, or `HsmUnavailable`."""
    return client_for(world).call(request)


def call_as(
    grant: Grant, vault: Any, name: str, version: str, request: Callable[..., CallerRequest], **fields: Any
) -> Any:
    """Make a request for an object in the name of the grant's caller, on which the HSM worker decides.

    Raises as `call` does, and what `decide` raises.
    """
    made = request(
        expires_at=grant.request.expires_at,
        context=grant.request,
        vault_name=vault.name,
        name=name,
        version=version,
        **fields,
    )
    return client_for(vault.world.name).call(made)


def call_for(grant: Grant, vault: Any, request: Callable[..., Request], **fields: Any) -> Any:
    """Make a request for a vault, whose HSM answers it while the caller waits. Raises as `call` does."""
    made = request(expires_at=grant.request.expires_at, vault_id=vault.pk.hex, **fields)
    return client_for(vault.world.name).call(made)


def is_healthy(*, world: str) -> bool:
    """True when an HSM worker of the world answers and has its HSM."""
    try:
        client_for(world).call(Ping(), timeout=1.0)
    except Unavailable:
        return False
    return True


def submit(
    *,
    grant: Grant,
    kind: str,
    operation: Operation,
    world: str,
    subject: tuple[str, UUID],
    object_id: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> Job:
    """Record the attempt, store the job in the caller's transaction and notify the workers after the commit.

    `operation` is the name in the audit records of attempt and outcome, `subject` the (type, id) that the job makes or
    changes, `detail` more for the attempt's record.
    """
    subject_type, subject_id = subject
    job = Job(
        kind=kind,
        world=world,
        subject_type=subject_type,
        subject_id=subject_id,
        grant=msgspec.structs.asdict(Facts.of(grant, operation=operation, object_id=object_id)),
        sent=clock.now(),  # compared with the machine's time, whatever the clock of objects says
        created=now,
    )
    attempt = {
        "operation": operation,
        "object_id": object_id,
        "phase": Phase.ATTEMPT,
        "status": 202,
        **(detail or {}),
    }
    _store(job, make_record(grant.principal, grant.scope, grant.request, **attempt))
    transaction.on_commit(lambda: notify_workers(job))
    return job


def _store(job: Job, attempt: Record) -> None:
    """Insert a new job and the record of the attempt in one statement."""
    numbered = Numbered([attempt])
    values = {name: getattr(job, name) for name in _JOB_COLUMNS}
    execute_prepared(_INSERT_JOB, {**values, "grant": Jsonb(job.grant), "records": numbered.rows})
    numbered.confirm()


def notify_workers(job: Job) -> None:
    """Notify the world's workers of a job. If the broker is unavailable, the scheduler repeats this later."""
    try:
        _sender().send_task(job.kind, kwargs={"job_id": str(job.id)}, queue=f"hsm.{job.world}", retry=False)
    except (BrokerDown, OSError):
        return


def wait(job: Job) -> None:
    """Wait until the job is done.

    Raises the error that the job failed with; `HsmUnavailable` when the HSM became unavailable before a worker took
    the job, which is then cancelled; `JobPending` after `WAIT_SECONDS`.
    """
    checked = time.monotonic()
    with LISTENER.expecting(job.pk) as notified:
        for moment in _readings(notified, WAIT_SECONDS):
            state, error, message = _read(job)
            if state == JobState.DONE:
                return
            if state in (JobState.FAILED, JobState.CANCELLED):
                raise_named(error or HsmUnavailable.code, message)
            if moment - checked > _HEALTH_SECONDS:
                checked = moment
                unavailable = not is_healthy(world=job.world)
                if unavailable and job.cancel(now=clock.now(), states=(JobState.QUEUED,), error=HsmUnavailable.code):
                    raise HsmUnavailable("The HSM of this vault's security world is not available. Nothing was made.")
    raise JobPending("The HSM is still at work. Ask for the object again in a few seconds.")


def wait_briefly(job: Job, *, seconds: float) -> None:
    """Wait until the job ends, successfully or not, and no longer than these seconds. It continues after them."""
    with LISTENER.expecting(job.pk) as notified:
        for _ in _readings(notified, seconds):
            if _read(job)[0] not in OPEN_STATES:
                return


def _readings(notified: threading.Event, seconds: float) -> Iterator[float]:
    """The moments at which to read a job's row: at once, after a notification, and now and then without one.

    Only the first notification counts. Others of the same job can only be forged, and must not cause readings.
    """
    pause, longest = _POLL_SECONDS
    until = time.monotonic() + seconds
    while (moment := time.monotonic()) < until:
        yield moment
        left = max(0.0, min(pause, until - time.monotonic()))
        if notified.is_set():
            time.sleep(left)
        else:
            notified.wait(left)
        pause = min(pause * 1.5, longest)


def _read(job: Job) -> tuple[str, str, str]:
    """The state of a job, and the code and message of its error."""
    [(state, error, message)] = select_prepared("SELECT state, error, message FROM jobs_job WHERE id = %s", [job.pk])
    return state, error, message


def renotify_stale_jobs(*, now: datetime) -> int:
    """Notify workers again of jobs that none has taken, or that a dead worker left. Returns how many.

    This is why the broker need not be durable: after a FLUSHALL every open job is sent again from here.
    """
    stale = Q(state=Job.State.RUNNING) | Q(sent__lt=now - _RENOTIFY_AFTER)
    count = 0
    for job in Job.objects.filter(job_queue.claimable(now=now), stale).order_by("sent")[:500]:
        if Job.objects.filter(pk=job.pk, sent=job.sent).update(sent=now) == 1:
            notify_workers(job)
            count += 1
    return count


@cache
def _sender() -> Celery:
    """A Celery app that only sends, with the configuration of the workers."""
    app = Celery("vaultportal", set_as_current=False)
    app.conf.update(settings.CELERY)
    return app
