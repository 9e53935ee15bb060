"""`./portal byok wrap`: the customer's side of importing a key, done by `python -m apps.hsm.byok`."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from apps.launcher.account import ROOT


class Command(BaseCommand):
    help = "Make a .byok file from a PEM file or from a key in your own PKCS#11 token."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Run in a separate process: only apps.hsm uses PKCS#11."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        os.execve(sys.executable, [sys.executable, "-m", "apps.hsm.byok", *argv[2:]], environment)

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Never reached: `run_from_argv` replaces the process."""
