"""`manage.py deliver_logs`: the log delivery process."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from apps.log_delivery.queries import RUNNING
from apps.workers.log_delivery.delivery_worker import run_forever


class Command(BaseCommand):
    help = "Deliver audit logs to their owners' storage, until SIGTERM."

    def handle(self, *_args: Any, **_options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        # A connection of its own holds the lock, so that PostgreSQL releases it when this process dies.
        lock = connection.copy()
        with lock.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [RUNNING])
            while not cursor.fetchone()[0] and not stopping.wait(0.5):
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [RUNNING])

        def lost() -> bool:
            return stopping.is_set() or not lock.is_usable()

        run_forever(stopping=lost)
        lock.close()
