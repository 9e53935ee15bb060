"""An isolated system for one program, which tests and benchmarks use.

The program gets the variables of `./portal env` and also: TEST_STATE_DIR (status.json, logs/, tokens/<world>/,
secrets/), DATABASE_URL (role vault_owner), <ROLE>_DATABASE_URL of each other role, BROKER_URL, LANE_DIR,
DJANGO_SECRET_KEY_FILE, VAULT_SUFFIX, PUBLIC_PORT.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from apps.launcher import client_environment, processes, system
from apps.launcher.account import ROOT
from apps.launcher.errors import LaunchError
from apps.launcher.state import StateDirectory
from apps.launcher.supervisor import Supervisor
from vaultportal.database_privileges import ROLES


def with_system(command: list[str], *, prefix: str) -> int:
    """Run a program beside its own running system. Returns its exit code."""
    directory = Path(tempfile.mkdtemp(prefix=f"vaultportal-{prefix}-"))
    directory.chmod(0o755)  # only a parent: the state directory below it is 0700
    os.environ.setdefault("QUOTA_FACTOR", "0")  # tests of limits give a vault its own
    os.environ.setdefault("DELIVERY_ALLOW", "127.0.0.0/8")  # tests provide the storage
    os.environ.setdefault("DELIVERY_SECONDS", "2")
    try:
        ports = {"port": _free_port(), "auditors_port": _free_port()}
        with system.running(directory / "state", **ports, lanes=2, demo=True) as (state, supervisor):
            return _run_beside(command, state, supervisor)
    except LaunchError as fault:
        sys.exit(str(fault))
    except system.Stopped:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _run_beside(command: list[str], state: StateDirectory, supervisor: Supervisor) -> int:
    done = threading.Event()
    program = subprocess.Popen(command, cwd=ROOT, env=_environment(state))

    def wait() -> None:
        program.wait()
        done.set()

    watcher = threading.Thread(target=wait)
    watcher.start()
    try:
        while not done.wait(0.1):
            supervisor.restart_dead()
    finally:
        if program.poll() is None:
            program.terminate()
        watcher.join()
    return program.returncode


def _environment(state: StateDirectory) -> dict[str, str]:
    web = processes.django_environment(state, settings="test", role="vault_owner")
    return {
        **os.environ,
        **client_environment.get_variables(state),
        **web,
        **processes.auditors_environment(state),
        "TEST_STATE_DIR": str(state.directory),
        **{f"{role[6:].upper()}_DATABASE_URL": state.database_url(role) for role in ROLES},
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
