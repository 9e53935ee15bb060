"""Known vulnerabilities of the locked packages: pip-audit against the OSV database (https://osv.dev).

A package with a known vulnerability fails the suite. Without a connection to the database nothing is known: that is
printed, and fails nothing, because the suite must run on a machine without network.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.launcher.account import ROOT

LOCKS = ROOT / "vaultportal" / "requirements"
# Vulnerabilities that do not concern us: id -> reason. A reason says why the vulnerable code is not reached.
ACCEPTED: dict[str, str] = {}
_SECONDS = 180


@dataclass(frozen=True)
class Audit:
    """The result. `problem`: why nothing, or not everything, could be looked up."""

    checked: int = 0
    vulnerable: tuple[str, ...] = field(default=())
    problem: str = ""

    @property
    def lines(self) -> list[str]:
        """The result for a reader, the most important line last."""
        lines = [f"dependency audit: KNOWN VULNERABILITY: {found}" for found in self.vulnerable]
        if self.problem:
            lines.append(f"dependency audit: COULD NOT RUN COMPLETELY: {self.problem}")
        if not self.vulnerable and not self.problem:
            lines.append(f"dependency audit: {self.checked} packages, no known vulnerability")
        return lines


def audit_locks(locks: Path = LOCKS, *, service_url: str = "", timeout: float = _SECONDS) -> Audit:
    """Look up every package of the lock files. `service_url`: of another OSV service than the public one."""
    program = Path(sys.executable).parent / "pip-audit"
    command = [str(program), "--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json"]
    command += [
        "--vulnerability-service",
        "osv",
        "--timeout",
        "10",
        *(["--osv-url", service_url] if service_url else []),
    ]
    command += [word for vulnerability in ACCEPTED for word in ("--ignore-vuln", vulnerability)]
    command += [word for lock in sorted(locks.glob("*.txt")) for word in ("--requirement", str(lock))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
    except FileNotFoundError:
        return Audit(problem="pip-audit is not installed")
    except subprocess.TimeoutExpired:
        return Audit(problem=f"no answer of the advisory database within {timeout:.0f} seconds")
    try:
        return _read(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError, TypeError):
        reason = (done.stderr.strip().splitlines() or [f"pip-audit ended with {done.returncode}"])[-1]
        return Audit(problem=f"{reason[:300]} (is there a connection to the advisory database?)")


def _read(packages: list[dict[str, Any]]) -> Audit:
    vulnerable, skipped = set[str](), set[str]()
    for package in packages:
        if "skip_reason" in package:
            skipped.add(f"{package['name']} ({package['skip_reason']})")
        for found in package.get("vulns", []):
            fixed = ", ".join(found.get("fix_versions", [])) or "no version yet"
            names = ", ".join([found["id"], *found.get("aliases", [])])
            vulnerable.add(f"{package['name']} {package['version']}: {names}; fixed in {fixed}")
    problem = f"not looked up: {', '.join(sorted(skipped))}" if skipped else ""
    if not packages:
        problem = "pip-audit read no package"
    return Audit(len({package["name"] for package in packages}) - len(skipped), tuple(sorted(vulnerable)), problem)
