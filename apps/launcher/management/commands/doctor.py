"""`./portal doctor`: what is needed, what is wrong, how to fix it."""

from typing import Any

from apps.launcher import doctor
from apps.launcher.errors import LaunchError
from apps.launcher.management.base import StateCommand
from apps.launcher.state import StateDirectory


class Command(StateCommand):
    help = "Check packages, names, clock, ports, tokens, database and a real SDK login, and show how to fix each."

    def run(self, state: StateDirectory, _options: dict[str, Any]) -> None:
        failed = 0
        for result in doctor.run_checks(state):
            self.stdout.write(f"{'ok   ' if result.ok else 'WRONG'}  {result.name:<18} {result.detail}")
            if not result.ok:
                failed += 1
                self.stdout.write(f"       {'':<18} fix: {result.fix}")
        if failed:
            raise LaunchError(f"{failed} checks failed.")
