"""A whole running system, from `up` to its stop: what the commands up, test and bench share."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from apps.launcher import client_environment, setup, softhsm
from apps.launcher.account import ROOT, choose
from apps.launcher.errors import LaunchError
from apps.launcher.setup import Setup
from apps.launcher.state import StateDirectory
from apps.launcher.supervisor import Supervisor

DEFAULT_PORT = 8443


class Stopped(Exception):
    """Somebody asked us to stop."""


@contextmanager
def running(
    directory: Path, *, port: int, auditors_port: int, lanes: int, demo: bool
) -> Iterator[tuple[StateDirectory, Supervisor]]:
    """Start everything; stop everything on the way out, also after a failed start or a signal.

    Raises `LaunchError`, and `Stopped` for SIGINT, SIGTERM and SIGHUP.
    """
    if not softhsm.module():
        raise LaunchError("SoftHSM is not installed. Run: sudo apt-get install softhsm2")
    with _supervised(directory, port=port, auditors_port=auditors_port, demo=demo) as (state, supervisor, addresses):
        if not state.account.python_too:
            say("note: the account 'vaultportal' cannot reach this Python or this directory, so only PostgreSQL", None)
            say("      and Valkey run under it; the other processes run as root.", None)
        Setup(state, supervisor, say=say).run(lanes=lanes, ipv6="::1" in addresses, demo=demo)
        yield state, supervisor


@contextmanager
def data_processes(directory: Path, *, port: int, auditors_port: int) -> Iterator[tuple[StateDirectory, Supervisor]]:
    """PostgreSQL, with an empty database, and Valkey: what tests without a running system need. Raises as `running`."""
    with _supervised(directory, port=port, auditors_port=auditors_port, demo=False) as (state, supervisor, _):
        Setup(state, supervisor, say=lambda _what, _seconds: None).run_data_processes()
        yield state, supervisor


@contextmanager
def _supervised(
    directory: Path, *, port: int, auditors_port: int, demo: bool
) -> Iterator[tuple[StateDirectory, Supervisor, list[str]]]:
    """A locked state with a supervisor that is stopped on the way out; the loopback addresses that are free."""
    state = StateDirectory(directory, choose())
    state.prepare()
    state.lock()
    addresses = setup.check_port(port)
    setup.check_port(auditors_port)
    setup.write_settings(state, port=port, auditors_port=auditors_port, demo=demo)
    supervisor = Supervisor(state)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        yield state, supervisor, addresses
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
        supervisor.stop()
        state.leave()


def run_self_test(state: StateDirectory) -> None:
    """Run the proof and read the trail as the auditor. Raises `LaunchError`."""
    say("proof, through the official Azure SDK:", None)
    result = subprocess.run(
        [sys.executable, "-m", "apps.launcher.self_test"],
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", os.defpath), **client_environment.variables(state)},
        check=False,
    )
    if result.returncode != 0:
        raise LaunchError(f"The proof failed. The logs are in {state.directory / 'logs'}.")
    vault = state.read_json("demo.json")["vaults"][0]["name"]
    started = time.monotonic()
    quiet = Setup(state, Supervisor(state), say=lambda _what, _seconds: None)
    lines = quiet.manage(
        "audit", "tail", "--vault", vault, "--limit", "30", settings="audit_command", role="vault_auditor"
    ).splitlines()
    for operation in ("KeyCreate", "KeySign", "KeyUnwrap", "KeyRotate", "KeyDecrypt", "SecretSet", "SecretGet"):
        if not any(operation in line for line in lines):
            raise LaunchError(f"The auditor does not find {operation} in the trail of {vault}.")
    say(f"the auditor reads it all in the trail ({len(lines)} records shown)", time.monotonic() - started)


def invite_first(state: StateDirectory) -> str:
    """The link for the first administrator, once; what became of it while it opens; nothing when somebody is there."""
    quiet = Setup(state, Supervisor(state), say=lambda _what, _seconds: None)
    return quiet.manage("invite", "--first").strip()


def watch(supervisor: Supervisor) -> None:
    """Keep the processes running until a signal comes."""
    while True:
        supervisor.watch()
        time.sleep(0.1)


def say(what: str, seconds: float | None) -> None:
    """One line; with how long it took."""
    if seconds is None:
        print(f"  {what}", flush=True)  # noqa: T201  the launcher speaks to a terminal
    else:
        print(f"  {what:<52} {seconds:7.1f} s", flush=True)  # noqa: T201  the launcher speaks to a terminal


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped
