"""`manage.py auditor_worker`: the process that checks logs and packs evidence for auditors, until it is stopped."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError
from django.db import connection

from apps.core import clock
from apps.workers.auditor_worker.task_runner import work_once

_PAUSE_SECONDS = 1.0


class Command(BaseCommand):
    help = "Carry out checks and evidence packs that auditors ask for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="end when there is nothing to do")

    def handle(self, *_args: Any, **options: Any) -> None:
        while True:
            try:
                worked = work_once(clock=clock.now)
            except DatabaseError as error:
                self.stderr.write(f"The database is away ({type(error).__name__}); trying again.")
                connection.close()
                worked = False
            if not worked:
                if options["once"]:
                    return
                time.sleep(_PAUSE_SECONDS)
