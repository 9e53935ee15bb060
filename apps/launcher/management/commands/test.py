"""`./portal test`: linters and the whole suite. `--fast`: what needs no running system. Else pytest's arguments."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand

from apps.launcher import suite, system
from apps.launcher.isolated_system import with_system


class Command(BaseCommand):
    help = "Run linters and the whole test suite; with pytest's arguments, that part of the suite; --fast: a minute's."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """All arguments but --fast are pytest's."""
        arguments = argv[2:]
        if arguments and arguments != ["--fast"]:
            sys.exit(with_system([sys.executable, "-m", "pytest", *arguments], prefix="test"))
        started = time.monotonic()
        code = suite.run_fast() if arguments else suite.run_all()
        system.print_step("passed" if code == 0 else "FAILED", time.monotonic() - started)
        sys.exit(code)

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Never reached: `run_from_argv` ends the process."""
