"""`eval "$(./portal env)"`: the variables that SDKs and scripts need."""

from typing import Any

from apps.launcher import client_environment
from apps.launcher.management.base import StateCommand
from apps.launcher.state import StateDirectory


class Command(StateCommand):
    help = "Print shell exports for the running vault."

    def run(self, state: StateDirectory, _options: dict[str, Any]) -> None:
        self.stdout.write(client_environment.format_exports(state))
