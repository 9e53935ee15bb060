"""The account of the processes: their own when root starts them, else that of the person who does."""

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apps.launcher.errors import LaunchError

NAME = "vaultportal"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Account:
    """The account that runs the processes. `uid` None: the one that started us."""

    uid: int | None = None
    gid: int | None = None
    python_too: bool = True  # False: only PostgreSQL and Valkey run under it

    def popen(self) -> dict[str, Any]:
        """Arguments for `subprocess` that switch to the account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    @property
    def for_python(self) -> "Account":
        """The account of the processes that run our code."""
        return self if self.python_too else Account()

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
    """Choose the account for this start. Root creates it if it is missing. Raises `LaunchError`."""
    if os.geteuid() != 0:
        return Account()
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        result = Account().run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME])
        if result.returncode != 0:
            raise LaunchError(f"The account '{NAME}' cannot be created: {result.stderr.strip()}") from None
        entry = pwd.getpwnam(NAME)
    account = Account(uid=entry.pw_uid, gid=entry.pw_gid)
    attempt = [sys.executable, "-B", "-c", "import django, apps.launcher"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    reaches_python = account.run(attempt, cwd="/", env=environment).returncode == 0
    return replace(account, python_too=reaches_python)
