"""`./portal test [pytest arguments]`: linters, then the whole suite, in two halves side by side.

Each half has a running system of its own: tests of one that kill processes meet no page of the other.
"""

import os
import subprocess
import sys
import tempfile
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


# Those who come in through pages and the management API; everything else is the other half.
_THROUGH_PAGES = ("tests/auditors", "tests/cli", "tests/controlplane", "tests/lifecycle", "tests/portal")


class Command(BaseCommand):
    help = "Run linters and the whole test suite; with arguments, that part of the suite only."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """All arguments are pytest's."""
        arguments = argv[2:]
        if arguments:
            sys.exit(with_system([sys.executable, "-m", "pytest", *arguments], prefix="test"))
        _check()
        sys.exit(_both_halves())

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


def _both_halves() -> int:
    """The worse exit code. What the second half says is shown when it has ended."""
    command = [sys.executable, "manage.py", "test"]
    rest = [f"--ignore={path}" for path in _THROUGH_PAGES]
    with tempfile.TemporaryFile() as said:
        second = subprocess.Popen([*command, *_THROUGH_PAGES], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        try:
            first = subprocess.run([*command, *rest], cwd=ROOT, check=False).returncode
            code = second.wait()
        finally:
            if second.poll() is None:
                second.terminate()
                second.wait()
        said.seek(0)
        system.say(f"and beside it {' '.join(_THROUGH_PAGES)}", None)
        sys.stdout.flush()
        sys.stdout.buffer.write(said.read())
    return max(first, code)
