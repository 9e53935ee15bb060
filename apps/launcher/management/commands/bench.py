"""`./portal bench [arguments]`: the benchmark, beside a running system of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from apps.launcher.account import ROOT
from apps.launcher.errors import LaunchError
from apps.launcher.isolated_system import with_system
from apps.launcher.management.base import PassThroughCommand

# Not in the table of all.
_APART = frozenset(
    (
        *("listing", "pages", "log", "delivery", "fairness", "pack", "floods", "growth", "idle", "memory"),
        *("kryoptic", "resident", "revocation", "slow_hsm", "client"),
    )
)
_MODULES = {"client": "client_library"}  # where the name is not the module's
_SLOW_LANES, _SLOTS_OF_A_LANE = "4", 4
_RESIDENT_MB = "2000"  # for 100 000 elliptic curve keys in each of the lanes


class Command(PassThroughCommand):
    help = "Measure sign, unwrap and secrets against the raw HSM and OpenBao, in one run."

    def run(self, arguments: list[str]) -> int:
        """Pass all arguments to the benchmark; a name in `_APART` selects another one."""
        name = arguments[0].replace("-", "_") if arguments else ""
        module = f"benchmarks.{_MODULES.get(name, name)}" if name in _APART else "benchmarks.run"
        with tempfile.TemporaryDirectory(prefix="vaultportal-bench-federation-") as directory:
            # An application may trust tokens of this installation itself (`benchmarks/withdrawals`). Its CA
            # certificate does not exist yet: the benchmark copies it here.
            Path(directory).chmod(0o755)
            os.environ["FEDERATION_CA_FILE"] = str(Path(directory) / "ca.pem")
            os.environ["FEDERATION_INSIDE_HOSTS"] = "login.vault.localhost"
            if name == "client":
                os.environ["PYTHONPATH"] = str(ROOT / "clients" / "python")
            if name == "kryoptic":
                _with_kryoptic(directory)
            if name == "resident":
                os.environ.setdefault("HSM_HANDLE_CACHE_MB", _RESIDENT_MB)
            lanes = _with_slow_hsm(directory) if name == "slow_hsm" else None
            return with_system([sys.executable, "-m", module, *arguments], prefix="bench", lanes=lanes)


def _with_kryoptic(directory: str) -> None:
    """Give one world Kryoptic, the file in `KRYOPTIC_MODULE`. It is copied to where each account can read it."""
    module = os.environ.get("KRYOPTIC_MODULE", "")
    if not Path(module).is_file():
        raise LaunchError("KRYOPTIC_MODULE must name libkryoptic_pkcs11.so (benchmarks/README.md).")
    os.environ["EUROPE_HSM_MODULE"] = shutil.copy(module, directory)


def _with_slow_hsm(directory: str) -> dict[str, int]:
    """Give one world a module that pauses, and return the lanes of each world. `SLOW_HSM_LANES`: those of this one."""
    build = [sys.executable, "-m", "tests.support.delaying_module", directory, "10"]
    os.environ["EUROPE_HSM_MODULE"] = subprocess.run(build, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    lanes = int(os.environ.setdefault("SLOW_HSM_LANES", _SLOW_LANES))
    os.environ.setdefault("DATA_PLANE_SLOTS", str(max(16, _SLOTS_OF_A_LANE * lanes)))
    return {"europe": lanes, "america": 1}
