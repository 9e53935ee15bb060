"""`./portal bench [arguments]`: the benchmark, beside a running system of its own."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from apps.launcher.isolated_system import with_system

_APART = frozenset({"listing", "pages", "log", "delivery", "pack"})  # long lists, the usage log


class Command(BaseCommand):
    help = "Measure sign, unwrap and secrets against the raw HSM and OpenBao, in one run."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Pass all arguments to the benchmark; a name in `_APART` selects another one."""
        arguments = argv[2:]
        module = f"benchmarks.{arguments[0]}" if arguments[:1] and arguments[0] in _APART else "benchmarks.run"
        sys.exit(with_system([sys.executable, "-m", module, *arguments], prefix="bench"))

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Never reached: `run_from_argv` ends the process."""
