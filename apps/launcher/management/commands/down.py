"""`./portal down`: stop an `up` that runs elsewhere, and wait until it is gone."""

import os
import signal
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.launcher.account import Account
from apps.launcher.state import StateDirectory, default_directory


class Command(BaseCommand):
    help = "Stop the vault that runs on this state."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--state-dir", type=Path, default=default_directory())

    def handle(self, *_args: Any, **options: Any) -> None:
        pid = StateDirectory(options["state_dir"], Account()).read_json("status.json").get("supervisor", 0)
        if not pid or not Path(f"/proc/{pid}").exists():
            raise CommandError("Vault Portal is not running here.")
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 60
        while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
            time.sleep(0.1)
        self.stdout.write("stopped")
