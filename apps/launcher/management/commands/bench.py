"""`./portal bench [arguments]`: the benchmark, beside a running system of its own."""

import os
import sys
import tempfile
from pathlib import Path

from apps.launcher.isolated_system import with_system
from apps.launcher.management.base import PassThroughCommand

# Not in the table of all.
_APART = frozenset(
    {"listing", "pages", "log", "delivery", "fairness", "pack", "floods", "growth", "idle", "memory", "revocation"}
)


class Command(PassThroughCommand):
    help = "Measure sign, unwrap and secrets against the raw HSM and OpenBao, in one run."

    def run(self, arguments: list[str]) -> int:
        """Pass all arguments to the benchmark; a name in `_APART` selects another one."""
        module = f"benchmarks.{arguments[0]}" if arguments[:1] and arguments[0] in _APART else "benchmarks.run"
        with tempfile.TemporaryDirectory(prefix="vaultportal-bench-federation-") as directory:
            # An application may trust tokens of this installation itself (`benchmarks/withdrawals.py`). Its CA
            # certificate does not exist yet: the benchmark copies it here.
            Path(directory).chmod(0o755)
            os.environ["FEDERATION_CA_FILE"] = str(Path(directory) / "ca.pem")
            os.environ["FEDERATION_INSIDE_HOSTS"] = "login.vault.localhost"
            return with_system([sys.executable, "-m", module, *arguments], prefix="bench")
