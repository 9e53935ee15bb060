"""The accounts of the processes: one for each kind when root starts them, else that of the person who does."""

import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from apps.launcher.errors import LaunchError

ROOT = Path(__file__).resolve().parents[2]
NAME = "vaultportal"  # the account of PostgreSQL and Valkey, and the group that all processes have
WORKERS = "hsm"  # the group of the HSM workers of all worlds
# Kinds of processes with an account of their own, `vaultportal-<kind>`: one for each database role and each token.
KINDS = (
    *("owner", "web", "jobs", "auditor", "audit", "verifier", "delivery", "events", "retention"),
    *("hsm-europe", "hsm-america"),
)
_CREATION_SECONDS = 20.0  # another start may hold the lock of the accounts


@dataclass(frozen=True)
class Account:
    """The account that runs the processes. `uid` None: the one that started us."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()  # in addition
    python_too: bool = True  # False: only PostgreSQL and Valkey run under it
    members: Mapping[str, "Account"] = field(default_factory=dict)  # by kind of process; empty: one account for all

    def popen(self) -> dict[str, Any]:
        """Arguments for `subprocess` that switch to the account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": list(self.groups)}

    @property
    def is_separated(self) -> bool:
        """True when each kind of process has an account of its own."""
        return self.python_too and bool(self.members)

    def of(self, kind: str) -> "Account":
        """The account of a kind of process that runs our code."""
        if not self.python_too:
            return Account()
        return self.members.get(kind, self)

    def run(self, command: Sequence[str | Path], **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program under the account; keep its output."""
        return subprocess.run(command, capture_output=True, text=True, check=False, **self.popen(), **options)

    @property
    def ids(self) -> tuple[int, int] | None:
        """User and group of the account; None when it is the one that started us."""
        return None if self.uid is None or self.gid is None else (self.uid, self.gid)

    def own(self, path: Path) -> None:
        """Give the account a path that we created."""
        if self.ids is not None:
            os.chown(path, *self.ids)

    def reaches(self, path: Path) -> bool:
        """Tell whether the account can enter the directory, through all its parents."""
        if self.uid is None:
            return True
        return self.run(["/usr/bin/test", "-x", path]).returncode == 0


def choose_account() -> Account:
    """Choose the accounts for this start. Root creates those that are missing. Raises `LaunchError`."""
    if os.geteuid() != 0:
        return Account()
    shared = _entry(NAME)
    account = Account(uid=shared.pw_uid, gid=shared.pw_gid)
    attempt = [sys.executable, "-B", "-c", "import django, apps.launcher"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    if account.run(attempt, cwd="/", env=environment).returncode != 0:
        return replace(account, python_too=False)
    return replace(account, members=_members(account))


def _members(shared: Account) -> dict[str, Account]:
    """The account of each kind of process. The owner's commands may ask as the web does: they create the demo."""
    entries = {kind: _entry(f"{NAME}-{kind}") for kind in (*KINDS, WORKERS)}
    common, web, workers = shared.gid or 0, entries["web"].pw_gid, entries[WORKERS].pw_gid
    return {
        kind: Account(
            uid=entry.pw_uid,
            gid=entry.pw_gid,
            groups=(common, *([workers] if kind.startswith("hsm-") else []), *([web] if kind == "owner" else [])),
        )
        for kind, entry in entries.items()
    }


def _entry(name: str) -> pwd.struct_passwd:
    """The entry of an account with a group of its own, which is created if it is missing. Raises `LaunchError`."""
    deadline, message = time.monotonic() + _CREATION_SECONDS, ""
    while time.monotonic() < deadline:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            words = ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", name)
            message = Account().run(words).stderr.strip()
            time.sleep(0.05)
    raise LaunchError(f"The account '{name}' cannot be created: {message}")


def uids(accounts: Iterable[Account]) -> str:
    """The accounts as LANE_ACCOUNTS lists them."""
    return ",".join(str(account.uid) for account in accounts)
