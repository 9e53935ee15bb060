"""Checks of what a start needs, with a fix for each failure."""

import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from apps.launcher import client_environment, postgres, processes, setup, softhsm
from apps.launcher.account import ROOT, Account
from apps.launcher.errors import LaunchError
from apps.launcher.state import StateDirectory

_UNITS_CONFIGURATION = Path("/etc/vaultportal")
_PASSWORD = re.compile(r"^DATABASE_URL=\S*://[^:@/\s]*:[^@/\s]", re.MULTILINE)


class CheckResult(NamedTuple):
    """One line of the report. `fix`: what to do when it is not ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def run_checks(state: StateDirectory) -> Iterator[CheckResult]:
    """Run all checks; those of a running system only when one runs."""
    yield from _machine()
    yield from _environment_files(_UNITS_CONFIGURATION)
    status = setup.health(state) if state.settings() else 0
    if status == 0:
        yield _port(int(state.settings().get("port", 8443)))
        yield CheckResult("system", ok=True, detail="not running; start it with ./portal up")
        return
    fix = f"See ./portal status, then the logs in {state.directory / 'logs'}."
    yield CheckResult("health", ok=status == 200, detail=f"HTTP {status}", fix=fix)
    yield _database(state)
    yield from _tokens(state)
    yield _sdk(state)
    yield _hosts(state)


def _machine() -> Iterator[CheckResult]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield CheckResult("Python", ok=sys.version_info >= (3, 11), detail=version, fix="Install Python 3.11 or newer.")
    module = softhsm.find_module()
    yield CheckResult("SoftHSM", ok=bool(module), detail=module or "not found", fix="sudo apt-get install softhsm2")
    yield CheckResult("PostgreSQL", ok=True, detail=postgres.version())
    resolves = _resolves("portal.vault.localhost")
    yield CheckResult(
        "name resolution",
        ok=resolves,
        detail="*.localhost resolves" if resolves else "*.localhost does not resolve",
        fix="sudo apt-get install libnss-myhostname (browsers resolve these names without it)",
    )
    year = time.gmtime().tm_year
    yield CheckResult(
        "clock", ok=2025 < year < 2100, detail=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), fix="Set it."
    )
    free = shutil.disk_usage(ROOT).free // 2**20
    yield CheckResult("disk", ok=free > 1024, detail=f"{free} MiB free", fix="Free at least 1 GiB.")


def _environment_files(directory: Path) -> Iterator[CheckResult]:
    """Check the files of systemd's units, if there are any: 0.4 had passwords in them."""
    for path in sorted(directory.glob("*.env")):
        try:
            found = _PASSWORD.search(path.read_text(encoding="utf-8"))
        except OSError:  # only root reads them
            continue
        if found:
            fix = "Move it to a file that DATABASE_PASSWORD_FILE names: docs/operator.md, Upgrade from 0.4."
            yield CheckResult("passwords", ok=False, detail=f"{path} has one in DATABASE_URL", fix=fix)


def _port(port: int) -> CheckResult:
    try:
        setup.check_port(port)
    except LaunchError as fault:
        return CheckResult("port", ok=False, detail=str(fault), fix="./portal up --port N")
    return CheckResult("port", ok=True, detail=f"{port} is free")


def _database(state: StateDirectory) -> CheckResult:
    ready, fix = postgres.is_ready(state), f"Look at {state.directory / 'logs' / 'postgres.log'}."
    return CheckResult("database", ok=ready, detail="answers" if ready else "does not answer", fix=fix)


def _tokens(state: StateDirectory) -> Iterator[CheckResult]:
    for world in ("europe", "america"):
        environment = {"PATH": os.defpath, **processes.hsm_environment(state, world, role="vault_hsm")}
        label = environment["HSM_TOKEN_LABEL"]
        command = [sys.executable, "-m", "apps.hsm.token_presence", environment["HSM_MODULE"], label]
        present = Account().run(command, cwd=ROOT, env=environment).returncode == 0
        fix = f"Restore {state.directory / 'tokens' / world} from your backup; the workers notice it without a restart."
        yield CheckResult(f"token {label}", ok=present, detail="present" if present else "missing", fix=fix)


def _sdk(state: StateDirectory) -> CheckResult:
    if not state.read_json("demo.json"):
        return CheckResult("SDK login", ok=True, detail="not tried: there is no demo application")
    program = (
        "import os; from azure.identity import ClientSecretCredential as C;"
        "C(os.environ['AZURE_TENANT_ID'], os.environ['AZURE_CLIENT_ID'], os.environ['AZURE_CLIENT_SECRET'],"
        "authority=os.environ['PORTAL_AUTHORITY'], disable_instance_discovery=True)"
        ".get_token('https://vault.localhost:' + os.environ['PORTAL_AUTHORITY'].rsplit(':', 1)[1] + '/.default')"
    )
    environment = {"PATH": os.defpath, **client_environment.get_variables(state)}
    result = Account().run([sys.executable, "-c", program], env=environment)
    last = (result.stderr.strip().splitlines() or ["a token was issued"])[-1]
    fix = "Check the clock, name resolution and the health line above."
    return CheckResult("SDK login", ok=result.returncode == 0, detail=last[:200], fix=fix)


def _hosts(state: StateDirectory) -> CheckResult:
    """Print the names; they are only needed by programs that do not ask the system's resolver."""
    line = client_environment.hosts_line(state)
    return CheckResult(
        "/etc/hosts", ok=True, detail=f"for programs that only ask DNS, such as static Go programs: {line}"
    )


def _resolves(name: str) -> bool:
    try:
        socket.getaddrinfo(name, 443)
    except OSError:
        return False
    return True
