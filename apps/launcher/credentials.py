"""Credential files: each process reads its own copies, which no other account can read.

The originals are in `secrets/` and `tls/` of the state directory, which only the launcher reads when accounts are
separated. systemd does the same with LoadCredential= (docs/units).
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from apps.core.private_files import replace_file
from apps.launcher.account import Account
from apps.launcher.state import StateDirectory

# Variables that name a file with a secret.
VARIABLES = (
    "DATABASE_PASSWORD_FILE",
    "DJANGO_SECRET_KEY_FILE",
    "AUDIT_WRITER_SECRET_FILE",
    "HSM_PIN_FILE",
    "GRANIAN_SSL_KEYFILE",
)


def hand_out(
    state: StateDirectory,
    name: str,
    environment: Mapping[str, str],
    account: Account,
    *,
    variables: Sequence[str] = VARIABLES,
) -> dict[str, str]:
    """Copy the secret files that an environment names for a process, and return the environment with the copies.

    Without separated accounts the process reads the originals, which are its account's own.
    """
    if not state.account.is_separated:
        return dict(environment)
    return dict(environment) | {
        variable: _copy(state, name, Path(environment[variable]), account)
        for variable in variables
        if variable in environment
    }


@contextmanager
def handed_out(
    state: StateDirectory,
    name: str,
    environment: Mapping[str, str],
    account: Account,
    *,
    variables: Sequence[str] = VARIABLES,
) -> Iterator[dict[str, str]]:
    """The same for a command: the copies are removed afterwards."""
    try:
        yield hand_out(state, name, environment, account, variables=variables)
    finally:
        shutil.rmtree(_directory(state, name), ignore_errors=True)


def _copy(state: StateDirectory, name: str, original: Path, account: Account) -> str:
    directory = _directory(state, name)
    directory.mkdir(mode=0o700, exist_ok=True)
    account.own(directory)
    copy = directory / original.name
    replace_file(copy, original.read_bytes(), mode=0o400, owner=account.ids)
    return str(copy)


def _directory(state: StateDirectory, name: str) -> Path:
    return state.run / "credentials" / name
