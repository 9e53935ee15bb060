"""`manage.py verify_logs`: the process that verifies all logs again and again, until it is stopped."""

import logging
import os
import signal
import threading
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError
from django.db import connection

from apps.audit_reader import continuous_verification
from apps.audit_reader.trusted_keys import trusted_verifiers
from apps.audit_reader.witness import load_checkpoints
from apps.core import clock
from apps.core.errors import VaultError
from apps.workers.log_verifier.cpu_budget import CpuBudget

logger = logging.getLogger(__name__)

_SHARE = 0.015  # of one core, about 40 million records a day; PostgreSQL uses a third as much for it
_SHARE_BEHIND = 0.25  # on an idle machine, while a log was not verified whole within a day
_PAUSE_SECONDS = 2.0


class Command(BaseCommand):
    help = "Verify all logs again and again, within a budget of processor time."

    def handle(self, *_args: Any, **_options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        verification = continuous_verification.ContinuousVerification(
            older=load_checkpoints, rest=timedelta(seconds=settings.AUDIT_CHECK_SECONDS)
        )
        budget = CpuBudget(share=_SHARE)
        while not stopping.is_set():
            share, records = _SHARE, 0
            try:
                now = clock.now()
                records = verification.advance(verifiers=trusted_verifiers(), now=now)
                share = _share(now)
            except VaultError as error:
                logger.warning("The logs could not be verified now (%s).", error.message)
            except DatabaseError as error:
                logger.warning("The database is away (%s); trying again.", type(error).__name__)
                connection.close()
            stopping.wait(max(budget.pause(share), 0.0 if records else _PAUSE_SECONDS))


def _share(now: datetime) -> float:
    is_idle = os.getloadavg()[0] < (os.cpu_count() or 1) / 2
    return _SHARE_BEHIND if is_idle and continuous_verification.is_behind(now=now) else _SHARE
