"""Programs that run beside an isolated system of their own: tests and benchmarks.

A program gets the variables of `./portal env` and, in addition: TEST_STATE_DIR (status.json, logs/, tokens/<world>/,
secrets/), DATABASE_URL (role vault_owner), <ROLE>_DATABASE_URL of each other role, BROKER_URL, LANE_DIR,
DJANGO_SECRET_KEY_FILE, VAULT_SUFFIX, PUBLIC_PORT.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.launcher import client_environment, processes, system
from apps.launcher.account import ROOT
from apps.launcher.state import WORLDS, StateDirectory
from apps.launcher.supervisor import Supervisor
from vaultportal.database_privileges import ROLES

Run = Callable[[list[str], IO[bytes] | None], int]  # command, where its output goes; its exit code


def with_system(
    command: list[str], *, prefix: str, database_only: bool = False, lanes: Mapping[str, int] | None = None
) -> int:
    """Run one program beside a system, or only PostgreSQL and Valkey; its exit code. Raises `LaunchError`."""
    try:
        with isolated_database(prefix=prefix) if database_only else isolated_system(prefix=prefix, lanes=lanes) as run:
            return run(command, None)
    except system.Stopped:
        return 130


@contextmanager
def isolated_system(*, prefix: str, lanes: Mapping[str, int] | None = None) -> Iterator[Run]:
    """A system for the programs that `run` starts, one after another. Raises `LaunchError` and `system.Stopped`.

    `lanes`: their number by world; None: two in each.
    """
    with (
        _empty_state(prefix) as (directory, ports),
        system.running(
            directory,
            port=ports["port"],
            auditors_port=ports["auditors_port"],
            lanes=lanes or dict.fromkeys(WORLDS, 2),
            demo=True,
        ) as (state, supervisor),
    ):
        yield _runner(supervisor, client_environment.get_variables(state) | _environment(state))


@contextmanager
def isolated_database(*, prefix: str) -> Iterator[Run]:
    """The same with PostgreSQL and Valkey alone: for tests that need no running system."""
    with (
        _empty_state(prefix) as (directory, ports),
        system.data_processes(directory, **ports) as (state, supervisor),
    ):
        _write_sealing_key(state)
        yield _runner(supervisor, _environment(state))


@contextmanager
def _empty_state(prefix: str) -> Iterator[tuple[Path, dict[str, int]]]:
    """A state directory that is removed afterwards, and ports for its system."""
    directory = Path(tempfile.mkdtemp(prefix=f"vaultportal-{prefix}-"))
    directory.chmod(0o755)  # only a parent: the state directory below it is 0700
    os.environ.setdefault("QUOTA_FACTOR", "0")  # tests of limits give a vault its own
    os.environ.setdefault("REQUEST_SECONDS", "2")  # tests send slowly
    os.environ.setdefault("DELIVERY_ALLOW", "127.0.0.0/8")  # tests provide the storage
    os.environ.setdefault("FEDERATION_INSIDE_HOSTS", "attest.vault.localhost")  # the tests' attestation authority
    os.environ.setdefault("DELIVERY_SECONDS", "2")
    try:
        yield directory / "state", {"port": _free_port(), "auditors_port": _free_port()}
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _runner(supervisor: Supervisor, variables: dict[str, str]) -> Run:
    environment = {**os.environ, **variables}
    environment.pop("PYTHONDONTWRITEBYTECODE")  # pytest rewrites each module of tests, unless it finds the result

    def run(command: list[str], output: IO[bytes] | None) -> int:
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output) as program:
            try:
                system.keep_running(supervisor, until=lambda: program.poll() is not None)
            finally:
                program.terminate()
        return program.returncode

    return run


def _environment(state: StateDirectory) -> dict[str, str]:
    return {
        **processes.django_environment(state, settings="test", role="vault_owner"),
        **processes.auditors_environment(state),
        "TEST_STATE_DIR": str(state.directory),
        "DATABASE_URL": state.database_url("vault_owner", password=True),
        **{f"{role[6:].upper()}_DATABASE_URL": state.database_url(role, password=True) for role in ROLES},
    }


def _write_sealing_key(state: StateDirectory) -> None:
    """What writers of the audit log seal to; no process of this state opens what they sealed."""
    public = rsa.generate_private_key(public_exponent=65537, key_size=3072).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    state.write(state.directory / "audit" / "sealing.pem", pem.decode(), public=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
