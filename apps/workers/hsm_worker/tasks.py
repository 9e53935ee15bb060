"""The jobs of an HSM worker as Celery tasks: claim the job, work in the HSM, finish in one transaction with its record.

A task's only argument is the job's id. Other arguments are ignored, so that a worker accepts a newer sender's message.
"""

import logging
import uuid
from concurrent.futures import TimeoutError as NotFinished
from datetime import datetime
from typing import Any

from celery import current_app, shared_task
from django.core.exceptions import ObjectDoesNotExist
from django.db import Error as DatabaseError
from django.db import transaction

from apps.audit_log import writer
from apps.core import clock, job_queue
from apps.core.errors import VaultError
from apps.core.job_queue import LeaseLost
from apps.domain.hsm_client.client import JobRefused, SubjectGone
from apps.domain.hsm_client.lane_client import HsmUnavailable, ProtectedKeyAltered
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.notifications import notify_ended
from apps.domain.hsm_client.protocol import Facts
from apps.domain.vaults.models import Vault
from apps.hsm.api import Hsm
from apps.hsm.errors import DeviceFault, HsmError
from apps.workers.hsm_runtime.celery_step import hsm_thread
from apps.workers.hsm_runtime.translation import boundary_errors
from apps.workers.hsm_worker.altered_keys import report_altered
from apps.workers.hsm_worker.certificate_jobs import CertificateJob, IssuingAuthorityJob
from apps.workers.hsm_worker.job_facts import check_place, read_facts
from apps.workers.hsm_worker.key_jobs import KeyJob, KeyVersionJob, SigningKeyJob, VaultKeyJob
from apps.workers.hsm_worker.refused_jobs import report_refused
from apps.workers.hsm_worker.worker import HsmWorkerStep

logger = logging.getLogger(__name__)

_RENEW_SECONDS = 1.0
MOST_ATTEMPTS = 5  # claims of one job; each may end with the worker or its database

current_app.steps["worker"].add(HsmWorkerStep)

# The kind of a job, which is also the name of its Celery task.
JOBS: dict[str, type[KeyJob]] = {
    "hsm.generate_key": KeyVersionJob,
    "hsm.create_vault_key": VaultKeyJob,
    "hsm.create_signing_key": SigningKeyJob,
    "hsm.make_certificate": CertificateJob,
    "hsm.create_issuing_authority": IssuingAuthorityJob,
}


def run_job(*, job_id: str, **_: Any) -> None:
    """Claim the job and carry it out. A message may come twice: the second finds nothing to claim."""
    job = job_queue.claim(Job.objects.filter(pk=uuid.UUID(job_id)), now=clock.now())
    if job is None:
        return
    try:
        if job.attempts > MOST_ATTEMPTS:  # each time the worker ended in the middle of it
            _give_up(job)
        else:
            _try(job)
    except LeaseLost:
        logger.warning("Job %s was taken over by another worker; the result of this one is dropped.", job.pk)
    except DatabaseError as error:
        _try_again(job, error)


def _try(job: Job) -> None:
    """Carry the job out, or fail it. Raises `LeaseLost`, and `django.db.Error` when nothing was stored."""
    work: KeyJob | None = None
    try:
        facts = read_facts(job)
    except JobRefused as error:
        _refuse(job, error, vault=None)
        return
    try:
        work = JOBS[job.kind](job)
        check_place(facts, work.place)
        _commit(job, facts, work, _execute(job, work))
    except JobRefused as error:
        _refuse(job, error, vault=Vault.objects.filter(pk=facts.vault_id).first() if facts.vault_id else None)
    except DeviceFault:
        _fail(job, facts, work, HsmUnavailable("The HSM went away. Nothing was made; try again shortly."))
    except ObjectDoesNotExist:
        _fail(job, facts, work, SubjectGone("The object was purged before the HSM came to it."))
    except (LeaseLost, DatabaseError):
        raise
    except VaultError as error:
        _fail(job, facts, work, error)
    except Exception:
        logger.exception("Job %s failed", job.pk)
        text = "This could not be done, by a fault of the service. Its log has the details."
        _fail(job, facts, work, HsmUnavailable(text))


for _kind in JOBS:
    shared_task(name=_kind)(run_job)


def _execute(job: Job, work: KeyJob) -> Any:
    """Let the HSM thread work, and renew the lease in the meantime."""

    def on_thread(hsm: Hsm) -> Any:
        with boundary_errors():
            return work.execute(hsm)

    future = hsm_thread().call(on_thread)
    while True:
        try:
            return future.result(timeout=_RENEW_SECONDS)
        except NotFinished:
            job.renew(now=clock.now())
        except HsmError as error:
            if isinstance(error, DeviceFault):
                raise
            raise HsmUnavailable("The HSM could not do this now. Try again shortly.") from error


def _commit(job: Job, facts: Facts, work: KeyJob, result: Any) -> None:
    now = clock.now()
    with transaction.atomic():
        work.commit(result)
        job.finish(now=now, error="")
        notify_ended(job.pk)
        writer.append([facts.record(at=now, status=200)])


def _fail(job: Job, facts: Facts, work: KeyJob | None, error: VaultError) -> None:
    now = clock.now()
    with transaction.atomic():
        _end(job, error, now=now)
        if work is not None:
            work.rollback()
        writer.append([facts.record(at=now, status=503, description=error.message)])
        if isinstance(error, ProtectedKeyAltered):
            report_altered(uuid.UUID(facts.vault_id) if facts.vault_id else None, now=now)


def _refuse(job: Job, error: JobRefused, *, vault: Vault | None, cause: str = "") -> None:
    """Fail a job that none of our processes submitted as it is. The rows stay: they may be those of a genuine job."""
    now = clock.now()
    with transaction.atomic():
        _end(job, error, now=now)
        report_refused(job, error.message, vault=vault, now=now)
    logger.error("Job %s was refused: %s %s", job.pk, error.message, cause)


def _end(job: Job, error: VaultError, *, now: datetime) -> None:
    job.fail(now=now, error=error.code, message=error.message)
    notify_ended(job.pk)


def _try_again(job: Job, error: DatabaseError) -> None:
    """Leave the job to a later attempt: nothing was stored. Without a connection this fails too, and the lease ends."""
    job.error = type(error).__name__[:64]
    try:
        if job.attempts >= MOST_ATTEMPTS:
            _give_up(job)
        else:
            job.release(error=job.error)  # the scheduler sends it again
    except LeaseLost:
        return


def _give_up(job: Job) -> None:
    """Fail a job that fails whenever it is tried, then mark its rows if that can be done."""
    _refuse(job, JobRefused(f"It could not be finished in {MOST_ATTEMPTS} attempts."), vault=None, cause=job.error)
    try:
        work = JOBS[job.kind](job)
        check_place(read_facts(job), work.place)
        work.rollback()
    except (VaultError, ObjectDoesNotExist, DatabaseError):
        return  # the rows that it should have completed stay as they are
