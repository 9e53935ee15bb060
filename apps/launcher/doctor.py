"""Looks at everything that a start needs, and says how to mend what is wrong."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from apps.launcher import client_environment, postgres, processes, setup, softhsm
from apps.launcher.account import ROOT
from apps.launcher.errors import LaunchError
from apps.launcher.state import StateDirectory


class Finding(NamedTuple):
    """One line of the doctor's report. `mend` is empty when all is well."""

    what: str
    ok: bool
    found: str
    mend: str = ""


def run_checks(state: StateDirectory) -> Iterator[Finding]:
    """All checks; those of a running system only when one runs."""
    yield from _machine()
    running = bool(state.settings()) and setup.health(state) != 0
    if not running:
        port = int(state.settings().get("port", 8443))
        yield _port(port)
        yield Finding("system", ok=True, found="not running; start it with ./portal up")
        return
    status = setup.health(state)
    mend = "" if status == 200 else f"See ./portal status, then the logs in {state.directory / 'logs'}."
    yield Finding("health", ok=status == 200, found=f"HTTP {status}", mend=mend)
    yield _database(state)
    yield from _tokens(state)
    yield _sdk(state)


def _machine() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", ok=sys.version_info >= (3, 11), found=version, mend="Install Python 3.11 or newer.")
    module = softhsm.module()
    yield Finding("SoftHSM", ok=bool(module), found=module or "not found", mend="sudo apt-get install softhsm2")
    yield Finding("PostgreSQL", ok=True, found=postgres.version())
    resolves = _resolves("portal.vault.localhost")
    yield Finding(
        "name resolution",
        ok=resolves,
        found="*.localhost resolves" if resolves else "*.localhost does not resolve",
        mend="sudo apt-get install libnss-myhostname (browsers resolve these names by themselves)",
    )
    year = time.gmtime().tm_year
    yield Finding(
        "clock", ok=2025 < year < 2100, found=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), mend="Set it."
    )
    free = shutil.disk_usage(ROOT).free // 2**20
    yield Finding("disk", ok=free > 1024, found=f"{free} MiB free", mend="Free at least 1 GiB.")


def _port(port: int) -> Finding:
    try:
        setup.check_port(port)
    except LaunchError as fault:
        return Finding("port", ok=False, found=str(fault), mend="./portal up --port N")
    return Finding("port", ok=True, found=f"{port} is free")


def _database(state: StateDirectory) -> Finding:
    ready = postgres.is_ready(state)
    mend = "" if ready else f"Look at {state.directory / 'logs' / 'postgres.log'}."
    return Finding("database", ok=ready, found="answers" if ready else "does not answer", mend=mend)


def _tokens(state: StateDirectory) -> Iterator[Finding]:
    for world in ("europe", "america"):
        environment = {"PATH": os.defpath, **processes.hsm_environment(state, world, role="vault_hsm")}
        label = environment["HSM_TOKEN_LABEL"]
        look = [sys.executable, "-m", "apps.hsm.token_presence", environment["HSM_MODULE"], label]
        there = subprocess.run(look, cwd=ROOT, env=environment, capture_output=True, check=False).returncode == 0
        mend = f"Restore {state.directory / 'tokens' / world} from your backup; the workers notice by themselves."
        yield Finding(f"token {label}", ok=there, found="there" if there else "not there", mend="" if there else mend)


def _sdk(state: StateDirectory) -> Finding:
    if not state.read_json("demo.json"):
        return Finding("SDK login", ok=True, found="not tried: there is no demo application")
    program = (
        "import os; from azure.identity import ClientSecretCredential as C;"
        "C(os.environ['AZURE_TENANT_ID'], os.environ['AZURE_CLIENT_ID'], os.environ['AZURE_CLIENT_SECRET'],"
        "authority=os.environ['PORTAL_AUTHORITY'], disable_instance_discovery=True)"
        ".get_token('https://vault.localhost:' + os.environ['PORTAL_AUTHORITY'].rsplit(':', 1)[1] + '/.default')"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.defpath, **client_environment.variables(state)},
        capture_output=True,
        text=True,
        check=False,
    )
    last = (result.stderr.strip().splitlines() or ["a token was issued"])[-1]
    mend = "" if result.returncode == 0 else "Check the clock, name resolution and the health line above."
    return Finding("SDK login", ok=result.returncode == 0, found=last[:200], mend=mend)


def _resolves(name: str) -> bool:
    try:
        socket.getaddrinfo(name, 443)
    except OSError:
        return False
    return True
