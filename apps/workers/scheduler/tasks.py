"""Maintenance tasks without an HSM, on the schedule of `vaultportal/settings/scheduler.py`."""

import logging
import time
from typing import Any

from celery import shared_task

from apps.core import clock
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.bulk_rotation import runner
from apps.domain.hsm_client import client
from apps.workers.scheduler import maintenance

logger = logging.getLogger(__name__)

_ADVANCE_SECONDS, _PAUSE_SECONDS = 1.5, 0.5  # less than the time between two messages; between two steps


@shared_task(name="housekeeping.advance")
def advance(**_: Any) -> None:
    """Notify workers of jobs whose message was lost or whose worker died, and advance rollovers.

    One message for both, every two seconds: each costs the scheduler 9 ms. While a rollover is due, the task advances
    it several times.
    """
    client.renotify_stale_jobs(now=clock.now())
    until = time.monotonic() + _ADVANCE_SECONDS
    while runner.has_open(now=clock.lifecycle_now()) and time.monotonic() < until:
        runner.advance(grant=scheduled_grant(), now=clock.lifecycle_now())
        time.sleep(_PAUSE_SECONDS)


@shared_task(name="housekeeping.sweep")
def sweep(**_: Any) -> None:
    """Carry out due work: rotations, renewals, notices, purges. Two runs at once are harmless."""
    _log(maintenance.sweep(now=clock.lifecycle_now(), machine=clock.now()))


@shared_task(name="housekeeping.token_keys")
def change_token_keys(**_: Any) -> None:
    """Rotate and retire the keys that sign access tokens. Two runs at once are harmless."""
    _log(maintenance.change_token_keys(now=clock.now()))


def _log(done: dict[str, int]) -> None:
    if any(done.values()):
        logger.warning("Carried out: %s", ", ".join(f"{count} {what}" for what, count in done.items() if count))
