"""`./portal manage COMMAND`: any Django command, with the environment and database role that it needs."""

import os
import sys
from pathlib import Path

from apps.launcher.account import ROOT, Account
from apps.launcher.django_commands import environment_of
from apps.launcher.errors import LaunchError
from apps.launcher.management.base import PassThroughCommand
from apps.launcher.state import StateDirectory, default_directory


class Command(PassThroughCommand):
    help = "Run a Django command against the running vault, e.g. ./portal manage create_vault payroll --world europe"

    def run(self, arguments: list[str]) -> int:
        """Everything behind `manage` belongs to the other command, but --state-dir in front of it."""
        directory = default_directory()
        if arguments[:1] == ["--state-dir"]:
            directory, arguments = Path(arguments[1]), arguments[2:]
        if not arguments:
            raise LaunchError(self.help)
        state = StateDirectory(directory, Account())
        if not state.settings():
            raise LaunchError(f"Nothing was started with the state {state.directory} yet. Run ./portal up first.")
        own = environment_of(state, arguments[0], world=os.environ.get("HSM_WORLD", "europe"))
        os.execve(sys.executable, [sys.executable, str(ROOT / "manage.py"), *arguments], {**os.environ, **own})
