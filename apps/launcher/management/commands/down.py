"""`./portal down`: stop an `up` that runs elsewhere, and wait until it is gone."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from apps.launcher.errors import LaunchError
from apps.launcher.management.base import StateCommand
from apps.launcher.state import StateDirectory


class Command(StateCommand):
    help = "Stop the vault that runs on this state."

    def run(self, state: StateDirectory, _options: dict[str, Any]) -> None:
        pid = state.read_json("status.json").get("supervisor", 0)
        if not pid or not Path(f"/proc/{pid}").exists():
            raise LaunchError("Vault Portal is not running here.")
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 60
        while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
            time.sleep(0.1)
        self.stdout.write("stopped")
