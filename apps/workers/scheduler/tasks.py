"""Housekeeping without an HSM, on the scheduler's tick."""

import logging
from typing import Any

from celery import shared_task

from apps.core import clock
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.bulk_rotation import runner
from apps.domain.hsm_client import leases
from apps.workers.scheduler import maintenance

logger = logging.getLogger(__name__)


@shared_task(name="housekeeping.announce_again")
def renotify_stale_jobs(**_: Any) -> None:
    """Announce jobs whose message was lost or whose worker died."""
    leases.renotify_stale_jobs(now=clock.now())


@shared_task(name="housekeeping.step_rollovers")
def advance_bulk_rotations(**_: Any) -> None:
    """Carry rollovers on by a few keys."""
    grant = system_grant(Permission.VAULTS_SWEEP, origin="scheduler")
    runner.advance(grant=grant, now=clock.now())


@shared_task(name="housekeeping.sweep")
def sweep(**_: Any) -> None:
    """Carry out what is due: rotations, renewals, notices, purges. Twice at once is harmless."""
    done = maintenance.sweep(now=clock.now())
    if any(done.values()):
        logger.warning("Carried out: %s", ", ".join(f"{count} {what}" for what, count in done.items() if count))
