"""The whole running system, from start to stop, for the commands up, test and bench."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from apps.launcher import client_environment, setup, softhsm
from apps.launcher.account import ROOT, choose_account
from apps.launcher.django_commands import run_command
from apps.launcher.errors import LaunchError
from apps.launcher.setup import Setup
from apps.launcher.state import StateDirectory
from apps.launcher.supervisor import Supervisor

DEFAULT_PORT = 8443


class Stopped(Exception):
    """A signal asked us to stop."""


@contextmanager
def running(
    directory: Path,
    *,
    port: int,
    auditors_port: int,
    lanes: Mapping[str, int],
    demo: bool,
    clock: bool = False,
) -> Iterator[tuple[StateDirectory, Supervisor]]:
    """Start the system and stop it on exit, also after a failed start or a signal. `clock`: as in `write_settings`.

    Raises `LaunchError`, and `Stopped` for SIGINT, SIGTERM and SIGHUP.
    """
    if not softhsm.find_module():
        raise LaunchError("SoftHSM is not installed. Run: sudo apt-get install softhsm2")
    supervised = _supervised(directory, port=port, auditors_port=auditors_port, demo=demo, clock=clock)
    with supervised as (state, supervisor, addresses):
        if not state.account.python_too:
            print_step(
                "note: the account 'vaultportal' cannot reach this Python or this directory, so only PostgreSQL", None
            )
            print_step("      and Valkey run under it; the other processes run as root.", None)
        Setup(state, supervisor, report=print_step).start(lanes=lanes, ipv6="::1" in addresses, demo=demo)
        yield state, supervisor


@contextmanager
def data_processes(directory: Path, *, port: int, auditors_port: int) -> Iterator[tuple[StateDirectory, Supervisor]]:
    """PostgreSQL, with an empty database, and Valkey: what tests without a running system need. Raises as `running`."""
    with _supervised(directory, port=port, auditors_port=auditors_port, demo=False) as (state, supervisor, _):
        Setup(state, supervisor, report=lambda _what, _seconds: None).run_data_processes()
        yield state, supervisor


@contextmanager
def _supervised(
    directory: Path, *, port: int, auditors_port: int, demo: bool, clock: bool = False
) -> Iterator[tuple[StateDirectory, Supervisor, list[str]]]:
    """A locked state with a supervisor that is stopped on the way out; the loopback addresses that are free."""
    state = StateDirectory(directory, choose_account())
    state.prepare()
    state.lock()
    addresses = setup.check_port(port)
    setup.check_port(auditors_port)
    setup.write_settings(state, port=port, auditors_port=auditors_port, demo=demo, clock=clock)
    supervisor = Supervisor(state)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        yield state, supervisor, addresses
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave processes behind
        supervisor.stop()
        state.clean_up()


def run_self_test(state: StateDirectory) -> None:
    """Run the self-test through the Azure SDK and read the audit log as the auditor. Raises `LaunchError`."""
    print_step("self-test through the official Azure SDK:", None)
    result = subprocess.run(
        [sys.executable, "-m", "apps.launcher.self_test"],
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", os.defpath), **client_environment.get_variables(state)},
        check=False,
    )
    if result.returncode != 0:
        raise LaunchError(f"The self-test failed. The logs are in {state.directory / 'logs'}.")
    vault = state.read_json("demo.json")["vaults"][0]["name"]
    started = time.monotonic()
    lines = run_command(state, "audit", "tail", "--vault", vault, "--limit", "30").splitlines()
    for operation in ("KeyCreate", "KeySign", "KeyUnwrap", "KeyRotate", "KeyDecrypt", "SecretSet", "SecretGet"):
        if not any(operation in line for line in lines):
            raise LaunchError(f"The auditor does not find {operation} in the audit log of {vault}.")
    print_step(f"the auditor reads the audit log ({len(lines)} records shown)", time.monotonic() - started)


def invite_first(state: StateDirectory) -> str:
    """Return the link for the first administrator, once; then its state while it is open; "" when a person exists."""
    return run_command(state, "invite", "--first").strip()


def keep_running(supervisor: Supervisor, *, until: Callable[[], bool] = lambda: False) -> None:
    """Keep the processes running, until a signal arrives at the latest."""
    while not until():
        supervisor.restart_dead()
        time.sleep(0.1)


def print_step(step: str, seconds: float | None) -> None:
    """Print one line, with how long the step took."""
    if seconds is None:
        print(f"  {step}", flush=True)  # noqa: T201  the launcher speaks to a terminal
    else:
        print(f"  {step:<52} {seconds:7.1f} s", flush=True)  # noqa: T201  the launcher speaks to a terminal


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped
