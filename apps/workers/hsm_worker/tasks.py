"""HSM management as Celery tasks: claim the job, perform in the HSM, finish in one transaction with its record.

A task's only argument is the job's id. Unknown arguments are swallowed, so that an old worker survives a new sender.
"""

import logging
import uuid
from collections.abc import Callable
from concurrent.futures import TimeoutError as NotYet
from typing import Any

from celery import shared_task
from django.core.exceptions import ObjectDoesNotExist
from django.db import Error as DatabaseError
from django.db import transaction

from apps.audit_log import writer
from apps.core import clock
from apps.core.errors import VaultError
from apps.domain.hsm_client import leases
from apps.domain.hsm_client.client import SubjectGone
from apps.domain.hsm_client.lane_client import HsmUnavailable
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.protocol import Facts
from apps.hsm.api import Hsm
from apps.hsm.errors import DeviceFault, HsmError
from apps.workers.hsm_runtime.translation import boundary_errors
from apps.workers.hsm_worker import certificate_jobs, key_jobs
from apps.workers.hsm_worker.worker import hsm_thread

logger = logging.getLogger(__name__)


@shared_task(name="hsm.generate_key")
def generate_key(*, job_id: str, **_: Any) -> None:
    """Make a key version."""
    _carry_out(job_id, key_jobs.begin_key_version)


@shared_task(name="hsm.create_vault_key")
def create_vault_key(*, job_id: str, **_: Any) -> None:
    """Make the key of a new vault."""
    _carry_out(job_id, key_jobs.begin_vault_key)


@shared_task(name="hsm.create_signing_key")
def create_signing_key(*, job_id: str, **_: Any) -> None:
    """Make a key of the token authority."""
    _carry_out(job_id, key_jobs.begin_signing_key)


@shared_task(name="hsm.make_certificate")
def make_certificate(*, job_id: str, **_: Any) -> None:
    """Make a version of a certificate, or its request."""
    _carry_out(job_id, certificate_jobs.begin_certificate)


@shared_task(name="hsm.create_issuing_authority")
def create_issuing_authority(*, job_id: str, **_: Any) -> None:
    """Make the authority of a built-in issuer."""
    _carry_out(job_id, certificate_jobs.begin_issuing_authority)


def _carry_out(job_id: str, begin: Callable[[Job], key_jobs.KeyJob]) -> None:
    job = leases.claim(job_id=uuid.UUID(job_id), now=clock.now())
    if job is None:
        return  # done already, or another worker has it: a message may come twice
    work: key_jobs.KeyJob | None = None
    try:
        work = begin(job)
        stored = _perform(job, work.perform)
        _finish(job, work, stored)
    except leases.LeaseLost:
        logger.warning("Job %s was taken over; what was made here is dropped.", job.pk)
    except DeviceFault:
        _fail(job, work, HsmUnavailable("The HSM went away. Nothing was made; try again shortly."))
    except ObjectDoesNotExist:
        _fail(job, work, SubjectGone("The object was purged before the HSM came to it."))
    except VaultError as error:
        _fail(job, work, error)
    except DatabaseError:
        raise  # nothing was stored; the lease runs out, and the job is announced again
    except Exception:
        logger.exception("Job %s could not be carried out", job.pk)
        _fail(job, work, HsmUnavailable("This could not be done, by a fault of the service. Its log has the details."))


def _perform(job: Job, make: Callable[[Hsm], Any]) -> Any:
    """Let the HSM's thread work, renewing the lease meanwhile."""

    def on_thread(hsm: Hsm) -> Any:
        with boundary_errors():
            return make(hsm)

    future = hsm_thread().call(on_thread)
    while True:
        try:
            return future.result(timeout=leases.RENEW_SECONDS)
        except NotYet:
            leases.renew(job, now=clock.now())
        except HsmError as error:
            if isinstance(error, DeviceFault):
                raise
            raise HsmUnavailable("The HSM could not do this now. Try again shortly.") from error


def _finish(job: Job, work: key_jobs.KeyJob, stored: Any) -> None:
    now = clock.now()
    with transaction.atomic():
        work.store(stored)
        leases.finish(job, now=now)
        writer.append([Facts(**job.grant).record(at=now, status=200)])


def _fail(job: Job, work: key_jobs.KeyJob | None, error: VaultError) -> None:
    now = clock.now()
    with transaction.atomic():
        if not leases.fail(job, error=error, now=now):
            return
        if work is not None:
            work.abandon()
        writer.append([Facts(**job.grant).record(at=now, status=503, description=error.message)])
