"""`manage.py delete_expired_records`: apply the retention of audit logs, under the database role that may."""

import logging
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError
from django.db import connection

from apps.workers.log_delivery.retention import delete_due

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Delete the bodies of records whose retention is over; their leaves stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--again", action="store_true", help="once every DELIVERY_FORGET_SECONDS, until SIGTERM")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["again"]:
            self.stdout.write(f"{delete_due()} records deleted")
            return
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        while not stopping.is_set():
            try:
                delete_due()
            except DatabaseError as error:
                logger.warning("The database is away (%s)", type(error).__name__)
            connection.close()
            stopping.wait(settings.DELIVERY_FORGET_SECONDS)
