"""Started by root, the processes run under an account of their own; started by anybody else, as that person."""

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from apps.launcher.errors import LaunchError

NAME = "vaultportal"
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Account:
    """Who runs the processes. `uid` None: whoever started us."""

    uid: int | None = None
    gid: int | None = None
    python_too: bool = True  # False: only PostgreSQL and Valkey run under it

    def popen(self) -> dict[str, object]:
        """Arguments for `subprocess` that switch to the account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    @property
    def ids(self) -> tuple[int, int] | None:
        """User and group of the account; None when it is the one that started us."""
        return None if self.uid is None or self.gid is None else (self.uid, self.gid)

    def own(self, path: Path) -> None:
        """Hand over a path that we made ourselves."""
        if self.ids is not None:
            os.chown(path, *self.ids)

    def reaches(self, path: Path) -> bool:
        """Whether the account can enter the directory, through all its parents."""
        if self.uid is None:
            return True
        test = subprocess.run(["/usr/bin/test", "-x", str(path)], check=False, **self.popen())  # type: ignore[call-overload]
        return bool(test.returncode == 0)


def choose() -> Account:
    """The account for this start. As root it is made if it is missing. Raises `LaunchFault`."""
    if os.geteuid() != 0:
        return Account()
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        made = subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise LaunchError(f"The account '{NAME}' cannot be made: {made.stderr.strip()}") from None
        entry = pwd.getpwnam(NAME)
    account = Account(uid=entry.pw_uid, gid=entry.pw_gid)
    return Account(account.uid, account.gid, python_too=_reaches_python(account))


def _reaches_python(account: Account) -> bool:
    """Whether the account can run our Python with our code: try it."""
    result = subprocess.run(
        [sys.executable, "-B", "-c", "import django, apps.launcher"],
        cwd="/",
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
        **account.popen(),  # type: ignore[call-overload]
    )
    return bool(result.returncode == 0)
