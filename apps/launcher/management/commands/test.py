"""`./portal test [pytest arguments]`: linters, tests of faults, then the rest of the suite in two halves side by side.

Each part has a running system of its own: what one does to its processes, no page of another meets.
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
    ("djlint", "--check", "--lint", "templates"),
)
_FORMATTED = (  # these two tools have no check of their own; with --replace they format
    ("css-beautify", "--indent-size=2", "--end-with-newline", "static/portal.css"),
    ("js-beautify", "--indent-size=2", "--end-with-newline", "static/portal.js"),
)


_ALONE = ("tests/faults",)  # they look at the clock: alone, so that nobody else's work is in it
_BESIDE = ("tests/auditors", "tests/lifecycle", "tests/portal")  # half of the rest, by its time


class Command(BaseCommand):
    help = "Run linters and the whole test suite; with arguments, that part of the suite only."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """All arguments are pytest's."""
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
        system.say(f"{tool} {' '.join(arguments)}".strip(), None)
        if subprocess.run([tools / tool, *arguments], cwd=ROOT, check=False).returncode != 0:
            sys.exit(f"{tool} found something to fix.")
    for tool, *arguments in _FORMATTED:
        command = [str(tools / tool), *arguments]
        formatted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        if formatted != (ROOT / arguments[-1]).read_text():
            sys.exit(f"{arguments[-1]} is not formatted. Run {tool} --replace {' '.join(arguments)}.")
    migrations = {**os.environ, "DJANGO_SETTINGS_MODULE": "vaultportal.settings.test"}
    command = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]
    if subprocess.run(command, cwd=ROOT, env=migrations, check=False).returncode != 0:
        sys.exit("A model changed without a migration: run makemigrations with the test settings.")


def _whole_suite() -> int:
    """0 when every part passed. What the second half says is shown when it has ended."""
    command = [sys.executable, "manage.py", "test"]
    rest = [f"--ignore={path}" for path in (*_ALONE, *_BESIDE)]
    codes = [subprocess.run([*command, *_ALONE], cwd=ROOT, check=False).returncode]
    with tempfile.TemporaryFile() as said:
        second = subprocess.Popen([*command, *_BESIDE], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        try:
            codes.append(subprocess.run([*command, *rest], cwd=ROOT, check=False).returncode)
            codes.append(second.wait())
        finally:
            if second.poll() is None:
                second.terminate()
                second.wait()
        said.seek(0)
        system.say(f"and beside it {' '.join(_BESIDE)}", None)
        sys.stdout.flush()
        sys.stdout.buffer.write(said.read())
    return int(any(codes))  # a part that a signal ended has a negative one
