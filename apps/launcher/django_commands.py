"""Commands of `manage.py`, each with the settings and the database role that it needs."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable

from apps.launcher import credentials, processes
from apps.launcher.account import ROOT
from apps.launcher.errors import LaunchError
from apps.launcher.state import AUDIT, WORLDS, StateDirectory

# Command -> (settings module, database role, kind of process whose account it has). The rest runs as the web does,
# `hsm_ceremony` as an HSM worker.
_SPECIAL = {
    "audit": ("audit_command", "vault_auditor", "auditor"),
    "migrate": ("owner", "vault_owner", "owner"),
    "apply_privileges": ("owner", "vault_owner", "owner"),
    "seal_earlier_records": ("owner", "vault_owner", "owner"),
    "create_test_clock": ("web", "vault_owner", "owner"),
    "seed_demo": ("web", "vault_owner", "owner"),
    "invite": ("web", "vault_owner", "owner"),  # the web's role cannot invite auditors
}


def environment_of(state: StateDirectory, command: str, *, world: str = "") -> dict[str, str]:
    """The environment of a command; `world`: whose token `hsm_ceremony` opens."""
    if command == "hsm_ceremony":
        return processes.hsm_environment(state, world, role="vault_owner")
    settings, role, _ = _SPECIAL.get(command, ("web", "vault_web", "web"))
    readers = processes.reader_environment(state) if command == "audit" else {}
    return {**processes.django_environment(state, settings=settings, role=role), **readers}


def run_command(
    state: StateDirectory, *arguments: str, world: str = "", while_waiting: Callable[[], object] = lambda: None
) -> str:
    """Run a command and return its output. Raises `LaunchError` with its error output."""
    if world and world not in (*WORLDS, AUDIT):
        raise LaunchError(f"There is no token of a world '{world}'. HSM_WORLD is one of {', '.join((*WORLDS, AUDIT))}.")
    account = state.account.of(_account_of(arguments[0], world))
    own = environment_of(state, arguments[0], world=world)
    name = f"command-{arguments[0]}-{world}-{uuid.uuid4().hex[:8]}"
    with credentials.handed_out(state, name, own, account) as environment:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": str(state.run), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            umask=0o077,
            **account.popen(),
        )
        output, errors = _communicate(process, while_waiting)
    if process.returncode != 0:
        end = "\n".join(errors.strip().splitlines()[-15:])
        raise LaunchError(f"`manage.py {arguments[0]}` failed:\n{end}")
    return output


def _communicate(process: subprocess.Popen[str], while_waiting: Callable[[], object]) -> tuple[str, str]:
    while True:
        try:
            return process.communicate(timeout=0.2)
        except subprocess.TimeoutExpired:
            while_waiting()
        except BaseException:
            process.kill()
            raise


def _account_of(command: str, world: str) -> str:
    if command == "hsm_ceremony":
        return world if world == AUDIT else f"hsm-{world}"
    return _SPECIAL.get(command, ("", "", "web"))[2]
