"""`./portal manage COMMAND`: any Django command, with the environment and database role that it needs."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from apps.launcher.account import ROOT, Account, choose_account
from apps.launcher.django_commands import environment_of, run_command
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
        is_ceremony = arguments[0] == "hsm_ceremony"
        state = StateDirectory(directory, choose_account() if is_ceremony else Account())
        if not state.settings():
            raise LaunchError(f"Nothing was started with the state {state.directory} yet. Run ./portal up first.")
        world = os.environ.get("HSM_WORLD", "europe")
        if state.data != state.directory:  # the state is where only the person who starts it reaches it
            state.account = replace(state.account, python_too=False)
        if not (is_ceremony and state.account.is_separated):
            own = environment_of(state, arguments[0], world=world)
            os.execve(sys.executable, [sys.executable, str(ROOT / "manage.py"), *arguments], {**os.environ, **own})
        # As the account of the world's workers, which have to read the files that this creates in the token.
        self.stdout.write(run_command(state, *arguments, world=world))
        return 0
