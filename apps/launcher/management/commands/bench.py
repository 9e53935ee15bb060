"""`./portal bench [arguments]`: the benchmark, beside a running system of its own."""

import sys

from apps.launcher.isolated_system import with_system
from apps.launcher.management.base import PassThroughCommand

_APART = frozenset({"listing", "pages", "log", "delivery", "pack", "floods"})  # not in the table of all


class Command(PassThroughCommand):
    help = "Measure sign, unwrap and secrets against the raw HSM and OpenBao, in one run."

    def run(self, arguments: list[str]) -> int:
        """Pass all arguments to the benchmark; a name in `_APART` selects another one."""
        module = f"benchmarks.{arguments[0]}" if arguments[:1] and arguments[0] in _APART else "benchmarks.run"
        return with_system([sys.executable, "-m", module, *arguments], prefix="bench")
