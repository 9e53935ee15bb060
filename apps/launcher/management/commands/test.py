"""`./portal test [pytest arguments]`: linters, tests of faults, then the rest of the suite in two parallel halves.

Each part has its own running system, so that faults in one do not disturb another.
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
from apps.launcher.isolated_system import with_system

_CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
)


_ALONE = ("tests/faults",)  # they depend on time, so nothing else runs beside them
_BESIDE = ("tests/auditors", "tests/lifecycle", "tests/portal")  # half of the rest, by duration


class Command(BaseCommand):
    help = "Run linters and the whole test suite; with arguments, that part of the suite only."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Pass all arguments to pytest."""
        arguments = argv[2:]
        if arguments:
            sys.exit(with_system([sys.executable, "-m", "pytest", *arguments], prefix="test"))
        _check()
        sys.exit(_whole_suite())

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Never reached: `run_from_argv` ends the process."""


def _check() -> None:
    tools = Path(sys.executable).parent
    for tool, *arguments in _CHECKS:
        system.print_step(f"{tool} {' '.join(arguments)}".strip(), None)
        if subprocess.run([tools / tool, *arguments], cwd=ROOT, check=False).returncode != 0:
            sys.exit(f"{tool} found problems.")
    migrations = {**os.environ, "DJANGO_SETTINGS_MODULE": "vaultportal.settings.test"}
    command = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]
    if subprocess.run(command, cwd=ROOT, env=migrations, check=False).returncode != 0:
        sys.exit("A model changed without a migration: run makemigrations with the test settings.")


def _whole_suite() -> int:
    """Return 0 when every part passed. The output of the second half is shown when it has ended."""
    command = [sys.executable, "manage.py", "test"]
    rest = [f"--ignore={path}" for path in (*_ALONE, *_BESIDE)]
    codes = [subprocess.run([*command, *_ALONE], cwd=ROOT, check=False).returncode]
    with tempfile.TemporaryFile() as output:
        second = subprocess.Popen([*command, *_BESIDE], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            codes.append(subprocess.run([*command, *rest], cwd=ROOT, check=False).returncode)
            codes.append(second.wait())
        finally:
            if second.poll() is None:
                second.terminate()
                second.wait()
        output.seek(0)
        system.print_step(f"and beside it {' '.join(_BESIDE)}", None)
        sys.stdout.flush()
        sys.stdout.buffer.write(output.read())
    return int(any(codes))  # a part that a signal ended has a negative one
