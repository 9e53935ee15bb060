"""`./portal test [pytest arguments]`: linters, then the whole suite against a running system of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from apps.launcher import system
from apps.launcher.account import ROOT
from apps.launcher.beside import with_system

_CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
)


class Command(BaseCommand):
    help = "Run linters and the whole test suite; with arguments, that part of the suite only."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """All arguments are pytest's."""
        arguments = argv[2:]
        if not arguments:
            _check()
        sys.exit(with_system([sys.executable, "-m", "pytest", *arguments], prefix="test"))

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Never reached: `run_from_argv` ends the process."""


def _check() -> None:
    tools = Path(sys.executable).parent
    for tool, *arguments in _CHECKS:
        system.say(f"{tool} {' '.join(arguments)}".strip(), None)
        if subprocess.run([tools / tool, *arguments], cwd=ROOT, check=False).returncode != 0:
            sys.exit(f"{tool} found something to mend.")
    migrations = {**os.environ, "DJANGO_SETTINGS_MODULE": "vaultportal.settings.test"}
    command = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]
    if subprocess.run(command, cwd=ROOT, env=migrations, check=False).returncode != 0:
        sys.exit("A model changed without a migration: run makemigrations with the test settings.")
