"""`./portal byok wrap`: the customer's side of importing a key, done by `python -m apps.hsm.byok`."""

import os
import sys

from apps.launcher.account import ROOT
from apps.launcher.management.base import PassThroughCommand


class Command(PassThroughCommand):
    help = "Make a .byok file from a PEM file or from a key in your own PKCS#11 token."

    def run(self, arguments: list[str]) -> int:
        """Run in a separate process: only apps.hsm uses PKCS#11."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        os.execve(sys.executable, [sys.executable, "-m", "apps.hsm.byok", *arguments], environment)
