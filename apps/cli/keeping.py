"""What a sign-in leaves on this machine: one file for each profile, readable by its owner alone.

It holds a token that dies by itself, never a password and never a client secret.
"""

import json
import os
import re
import tempfile
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from .problems import Exit, Problem

_PROFILE = re.compile(r"[0-9A-Za-z-]{1,64}\Z")
_EARLY = 60  # a token this close to its end is not used any more


class Homeless(Problem):
    """Nothing can be kept: the account has no home directory."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who has signed in, and where."""

    kind: str  # "person": the management API; "application": the vaults
    portal: str  # https://portal.<suffix>[:port]
    name: str
    token: str = field(repr=False)
    expires: float
    ca: str = ""
    audit: str = ""  # the auditors' host, when it is not where it is expected
    tenant: str = ""
    client_id: str = ""
    duty: str = ""
    token_id: str = ""
    scheme: str = "Bearer"

    @property
    def alive(self) -> bool:
        """Whether the token can be used still."""
        return time.time() < self.expires - _EARLY


def directory() -> Path:
    """Where profiles are kept (XDG Base Directory Specification). Raises `Homeless`."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if Path(base).is_absolute():
        return Path(base) / "vaultportal"
    try:
        return Path.home() / ".config" / "vaultportal"
    except RuntimeError:
        raise Homeless("This account has no home directory: set HOME or XDG_CONFIG_HOME.", Exit.USAGE) from None


def load(profile: str, *, to_end: bool = False) -> Session | None:
    """The kept sign-in; None when there is none. Raises `Problem` for a file that others may read.

    `to_end`: such a file too, for its token may have leaked and is to be worth nothing.
    """
    try:
        path = _path(profile)
    except Homeless:
        return None  # a program in a container signs in by its environment alone
    try:
        if path.stat().st_mode & 0o077 and not to_end:
            raise Problem(f"{path} can be read by others. Run `chmod 600 {path}`, or sign in again.", Exit.USAGE)
        found = json.loads(path.read_text("utf-8"))
        return Session(**{key: found[key] for key in (f.name for f in fields(Session)) if key in found})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        raise Problem(f"{path} cannot be read. Run `portal logout`, then sign in again.", Exit.USAGE) from None


def save(session: Session, profile: str) -> None:
    """Keep a sign-in: a new file with mode 0600 that takes the old one's place."""
    path = _path(profile)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # mkstemp makes it 0600
    except OSError as error:
        raise Problem(f"The sign-in cannot be kept in {path.parent}: {error.strerror}.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(session), file)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def forget(profile: str) -> bool:
    """Remove a sign-in; whether there was one."""
    try:
        _path(profile).unlink()
    except FileNotFoundError:
        return False
    return True


def _path(profile: str) -> Path:
    if not _PROFILE.match(profile):
        raise Problem("A profile's name has letters, digits and hyphens.", Exit.USAGE)
    return directory() / f"{profile}.json"
