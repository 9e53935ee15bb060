"""The jobs of an HSM worker as Celery tasks: claim the job, work in the HSM, finish in one transaction with its record.

A task's only argument is the job's id. Other arguments are ignored, so that a worker accepts a newer sender's message.
"""

import logging
import uuid
from concurrent.futures import TimeoutError as NotFinished
from typing import Any

from celery import current_app, shared_task
from django.core.exceptions import ObjectDoesNotExist
from django.db import Error as DatabaseError
from django.db import transaction

from apps.audit_log import writer
from apps.core import clock, job_queue
from apps.core.errors import VaultError
from apps.core.job_queue import LeaseLost
from apps.domain.hsm_client.client import SubjectGone
from apps.domain.hsm_client.lane_client import HsmUnavailable, ProtectedKeyAltered
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.notifications import notify_ended
from apps.domain.hsm_client.protocol import Facts
from apps.hsm.api import Hsm
from apps.hsm.errors import DeviceFault, HsmError
from apps.workers.hsm_runtime.celery_step import hsm_thread
from apps.workers.hsm_runtime.translation import boundary_errors
from apps.workers.hsm_worker.altered_keys import report_altered
from apps.workers.hsm_worker.certificate_jobs import CertificateJob, IssuingAuthorityJob
from apps.workers.hsm_worker.key_jobs import KeyJob, KeyVersionJob, SigningKeyJob, VaultKeyJob
from apps.workers.hsm_worker.worker import HsmWorkerStep

logger = logging.getLogger(__name__)

_RENEW_SECONDS = 1.0

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
    work: KeyJob | None = None
    try:
        work = JOBS[job.kind](job)
        _commit(job, work, _execute(job, work))
    except LeaseLost:
        logger.warning("Job %s was taken over by another worker; the result of this one is dropped.", job.pk)
    except DeviceFault:
        _fail(job, work, HsmUnavailable("The HSM went away. Nothing was made; try again shortly."))
    except ObjectDoesNotExist:
        _fail(job, work, SubjectGone("The object was purged before the HSM came to it."))
    except VaultError as error:
        _fail(job, work, error)
    except DatabaseError:
        raise  # nothing was stored; the lease ends, and the scheduler sends the job again
    except Exception:
        logger.exception("Job %s failed", job.pk)
        _fail(job, work, HsmUnavailable("This could not be done, by a fault of the service. Its log has the details."))


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


def _commit(job: Job, work: KeyJob, result: Any) -> None:
    now = clock.now()
    with transaction.atomic():
        work.commit(result)
        job.finish(now=now)
        notify_ended(job.pk)
        writer.append([Facts(**job.grant).record(at=now, status=200)])


def _fail(job: Job, work: KeyJob | None, error: VaultError) -> None:
    now = clock.now()
    try:
        with transaction.atomic():
            job.fail(now=now, error=error.code, message=error.message)
            notify_ended(job.pk)
            if work is not None:
                work.rollback()
            facts = Facts(**job.grant)
            writer.append([facts.record(at=now, status=503, description=error.message)])
            if isinstance(error, ProtectedKeyAltered):
                report_altered(uuid.UUID(facts.vault_id) if facts.vault_id else None, now=now)
    except LeaseLost:
        logger.warning("Job %s failed here, but another worker has it.", job.pk)
