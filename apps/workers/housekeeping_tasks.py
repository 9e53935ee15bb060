"""Housekeeping without an HSM, on the scheduler's tick."""

from typing import Any

from celery import shared_task

from apps.core import clock
from apps.jobs import leases


@shared_task(name="housekeeping.announce_again")
def announce_again(**_: Any) -> None:
    """Announce jobs whose message was lost or whose worker died."""
    leases.announce_again(now=clock.now())
