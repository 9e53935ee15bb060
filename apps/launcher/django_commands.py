"""Commands of `manage.py`, each with the settings and the database role that it needs."""

import os
import subprocess
import sys
from collections.abc import Callable

from apps.launcher import processes
from apps.launcher.account import ROOT
from apps.launcher.errors import LaunchError
from apps.launcher.state import StateDirectory

# Command -> (settings module, database role). The rest runs as the web does, `hsm_ceremony` as an HSM worker.
_SPECIAL = {
    "audit": ("audit_command", "vault_auditor"),
    "migrate": ("owner", "vault_owner"),
    "apply_privileges": ("owner", "vault_owner"),
    "seal_earlier_records": ("owner", "vault_owner"),
    "seed_demo": ("web", "vault_owner"),
}


def environment_of(state: StateDirectory, command: str, *, world: str = "") -> dict[str, str]:
    """The environment of a command; `world`: whose token `hsm_ceremony` opens."""
    if command == "hsm_ceremony":
        return processes.hsm_environment(state, world, role="vault_owner")
    settings, role = _SPECIAL.get(command, ("web", "vault_web"))
    readers = processes.reader_environment(state) if command == "audit" else {}
    return {**processes.django_environment(state, settings=settings, role=role), **readers}


def run_command(
    state: StateDirectory, *arguments: str, world: str = "", while_waiting: Callable[[], object] = lambda: None
) -> str:
    """Run a command and return its output. Raises `LaunchError` with its error output."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(state.run),
            **environment_of(state, arguments[0], world=world),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        umask=0o077,
        **state.account.for_python.popen(),
    )
    while True:
        try:
            output, errors = process.communicate(timeout=0.2)
            break
        except subprocess.TimeoutExpired:
            while_waiting()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        end = "\n".join(errors.strip().splitlines()[-15:])
        raise LaunchError(f"`manage.py {arguments[0]}` failed:\n{end}")
    return str(output)
