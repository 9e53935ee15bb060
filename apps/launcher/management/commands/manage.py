"""`./portal manage COMMAND`: any Django command, with the environment and database role that it needs."""

import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.launcher import processes
from apps.launcher.account import ROOT, Account
from apps.launcher.state import StateDirectory, default_directory

# Command -> (settings module, database role); the rest runs as the web does.
_SPECIAL = {
    "audit": ("audit_command", "vault_auditor"),
    "migrate": ("owner", "vault_owner"),
    "apply_privileges": ("owner", "vault_owner"),
    "seed_demo": ("web", "vault_owner"),
    "create_person": ("web", "vault_web"),
}


class Command(BaseCommand):
    help = "Run a Django command against the running vault, e.g. ./portal manage create_vault payroll --world europe"
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Everything behind `manage` belongs to the other command, but --state-dir in front of it."""
        arguments, directory = argv[2:], default_directory()
        if arguments[:1] == ["--state-dir"]:
            directory, arguments = Path(arguments[1]), arguments[2:]
        if not arguments:
            sys.exit(self.help)
        try:
            self._hand_over(StateDirectory(directory, Account()), arguments)
        except CommandError as error:
            sys.exit(str(error))

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Never reached: `run_from_argv` replaces the process."""

    @staticmethod
    def _hand_over(state: StateDirectory, arguments: list[str]) -> None:
        if not state.settings():
            raise CommandError(f"Nothing was started with the state {state.directory} yet. Run ./portal up first.")
        settings, role = _SPECIAL.get(arguments[0], ("web", "vault_web"))
        environment = {**os.environ, **processes.django_environment(state, settings=settings, role=role)}
        if settings == "audit_command":
            environment |= processes.reader_environment(state)
        if arguments[0] == "hsm_ceremony":
            environment |= processes.hsm_environment(state, os.environ.get("HSM_WORLD", "europe"), role="vault_owner")
        os.execve(sys.executable, [sys.executable, str(ROOT / "manage.py"), *arguments], environment)
