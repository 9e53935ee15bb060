"""`./portal test`: linters and the whole suite. `--fast`: what needs no running system. Else pytest's arguments."""

import sys
import time

from apps.launcher import suite, system
from apps.launcher.isolated_system import with_system
from apps.launcher.management.base import PassThroughCommand


class Command(PassThroughCommand):
    help = "Run linters and the whole test suite; with pytest's arguments, that part of the suite; --fast: a minute's."

    def run(self, arguments: list[str]) -> int:
        """All arguments but --fast are pytest's."""
        if arguments and arguments != ["--fast"]:
            command = [sys.executable, "-m", "pytest", *arguments]
            return with_system(command, prefix="test", database_only="not stack" in arguments)
        started = time.monotonic()
        code = suite.run_fast() if arguments else suite.run_all()
        system.print_step("passed" if code == 0 else "FAILED", time.monotonic() - started)
        return code
