"""The state directory: all data of one installation, private to it (0700), none of it in git."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from apps.core.private_files import replace_file
from apps.launcher import directories
from apps.launcher.account import ROOT, Account
from apps.launcher.directories import Directory
from apps.launcher.errors import LaunchError

WORLDS = {"europe": "Europe", "america": "North America"}
AUDIT = "audit"  # the token that signs and opens the usage log
_BASE = Path("/var/lib/vaultportal")  # for PostgreSQL and Valkey when their account cannot reach the state
_LONGEST_SOCKET_DIRECTORY = 70  # AF_UNIX paths end at 107 bytes


class StateDirectory:
    """Paths and secrets of one installation."""

    def __init__(self, directory: Path, account: Account) -> None:
        self.directory = directory.resolve()
        self.account = account
        self._lock_file: Any = None
        self._identity = hashlib.sha256(str(self.directory).encode()).hexdigest()[:8]
        # Data of PostgreSQL and Valkey: elsewhere when their account cannot reach this directory (see `prepare`).
        # A copied state directory names the data of the original, which is not ours.
        named = Path(self.settings().get("data", self.directory))
        self.data = named if named == _BASE / self._identity else self.directory

    def prepare(self) -> None:
        """Create missing directories, and with separated accounts correct the owners and modes of all.

        Else permissions and owner of an existing one never change.
        """
        directories.make(Directory(self.directory, mode=0o711), self.account)
        if self.account.uid is not None and not self.account.reaches(self.directory):
            if not _BASE.exists():
                _BASE.mkdir(mode=0o755)
            self.account = replace(self.account, python_too=False)  # our Python could not reach it under that account
            self.directory.chmod(0o700)
            self.data = _BASE / self._identity
            directories.make(Directory(self.data), self.account)
        entries = list(directories.directories(self.directory, self.run, tuple(WORLDS), AUDIT))
        for entry in entries:
            if entry.path == self.run and (self.run.is_symlink() or self.run.exists()):
                self._check_sockets()
            directories.make(entry, self.account)
        self._check_sockets()
        self._move_transcripts()
        if self.account.is_separated:
            directories.correct_files(self.directory, self.account)

    @property
    def run(self) -> Path:
        """Directory of the Unix sockets."""
        directory = self.data / "run"
        if len(str(directory)) <= _LONGEST_SOCKET_DIRECTORY:
            return directory
        return Path(tempfile.gettempdir()) / f"vaultportal-{self._identity}"

    @property
    def sockets(self) -> Path:
        """Directory of the sockets of PostgreSQL and Valkey."""
        return self.run / "data"

    def clean_up(self) -> None:
        """Remove sockets that had to go to the temporary directory (the next start makes them again), and unlock."""
        if not self.run.is_relative_to(self.data):
            shutil.rmtree(self.run, ignore_errors=True)
        if self._lock_file is not None:
            self._lock_file.close()

    def lock(self) -> None:
        """Lock the state for this instance. Raises `LaunchError` naming the other one."""
        self._lock_file = (self.directory / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock_file.seek(0)
            pid = self._lock_file.read().strip() or "unknown"
            self._lock_file.close()
            raise LaunchError(
                f"Another instance (process {pid}) runs on {self.directory}. "
                "Stop it with `./portal down`, or name another directory with --state-dir."
            ) from None
        self._lock_file.truncate(0)
        self._lock_file.write(str(os.getpid()))
        self._lock_file.flush()

    def secret(self, name: str) -> str:
        """Return a secret of this installation, made once."""
        path = self.secret_file(name)
        if not path.exists():
            self.write(path, secrets.token_urlsafe(32))
        return path.read_text(encoding="utf-8").strip()

    def secret_file(self, name: str) -> Path:
        return self.directory / "secrets" / name

    def write(self, path: Path, text: str, *, public: bool = False) -> None:
        """Replace a file in one step; readable by the launcher or the one account alone, unless it is public."""
        mode = 0o644 if public and self.account.is_separated else 0o600
        replace_file(path, text, mode=mode, owner=None if self.account.is_separated else self.account.ids)

    def read_json(self, name: str) -> dict[str, Any]:
        """Read a JSON file of the state; empty when it is missing."""
        try:
            content: dict[str, Any] = json.loads((self.directory / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return content

    def database_url(self, role: str, *, password: bool = False) -> str:
        """Return the database URL of a role; with its password for programs that are no process of the system."""
        secret = f":{self.secret(f'database-{role}')}" if password else ""
        return f"postgresql://{role}{secret}@/vaultportal?host={self.sockets}"

    def settings(self) -> dict[str, Any]:
        """Read the settings of the last start, the port above all."""
        return self.read_json("settings.json")

    @property
    def auditors_port(self) -> int:
        """Port of the auditors' host: the one after the portal's, unless another was chosen."""
        settings = self.settings()
        return int(settings.get("auditors_port") or settings["port"] + 1)

    def _check_sockets(self) -> None:
        """Check the owner of the socket directory: anybody may create one in /tmp. Raises `LaunchError`."""
        status = self.run.lstat()
        ours = {os.geteuid(), self.account.uid}
        others = 0o067 if self.account.is_separated else 0o077
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in ours or status.st_mode & others:
            raise LaunchError(
                f"{self.run}, for sockets, is not private to this account. Remove it, or name a directory with a "
                "shorter path: --state-dir."
            )

    def _move_transcripts(self) -> None:
        """Transcripts of 0.4 beside each other: each belongs to the account of its world now."""
        for world in (*WORLDS, AUDIT):
            for path in self.directory.glob(f"ceremony-{world}.*json"):
                path.rename(self.directory / "ceremonies" / world / path.name)
                kind = world if world == AUDIT else f"hsm-{world}"
                if self.account.is_separated:
                    self.account.of(kind).own(self.directory / "ceremonies" / world / path.name)


def default_directory() -> Path:
    """`.portal/` beside the code."""
    return ROOT / ".portal"
