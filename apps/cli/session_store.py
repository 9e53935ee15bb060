"""Sessions on this machine: one file for each profile, readable only by its owner.

A session contains a token that expires, and never a password or a client secret.
"""

import json
import os
import re
import tempfile
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from .errors import CliError, ExitCode, usage_error

_PROFILE = re.compile(r"[0-9A-Za-z-]{1,64}\Z")
_EXPIRY_MARGIN = 60  # seconds before its expiry in which a token is no longer used


class NoHomeDirectory(CliError):
    """Nothing can be stored: the account has no home directory."""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person or application. Its fields are the members of the stored file."""

    kind: str  # "person": uses the management API; "application": uses the vaults
    portal: str  # https://portal.<suffix>[:port]
    name: str
    token: str = field(repr=False)
    expires: float
    ca: str = ""
    audit: str = ""  # the auditors' address, if it is not the default one
    tenant: str = ""
    client_id: str = ""
    duty: str = ""  # the person's role, under its name in the management API
    token_id: str = ""
    scheme: str = "Bearer"

    @property
    def is_valid(self) -> bool:
        """Whether the token can still be used."""
        return time.time() < self.expires - _EXPIRY_MARGIN


def directory() -> Path:
    """The folder of the profiles (XDG Base Directory Specification). Raises `NoHomeDirectory`."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    if Path(base).is_absolute():
        return Path(base) / "vaultportal"
    try:
        return Path.home() / ".config" / "vaultportal"
    except RuntimeError:
        text = "This account has no home directory: set HOME or XDG_CONFIG_HOME."
        raise NoHomeDirectory(text, ExitCode.USAGE) from None


def load(profile: str, *, for_logout: bool = False) -> Session | None:
    """The stored session; None if there is none. Raises `CliError` for a file that others may read.

    `for_logout`: loads such a file too, because its token may have leaked and has to be revoked.
    """
    try:
        path = _path(profile)
    except NoHomeDirectory:
        return None  # a program in a container signs in with environment variables
    try:
        if path.stat().st_mode & 0o077 and not for_logout:
            raise usage_error(f"{path} can be read by other users. Run `chmod 600 {path}`, or sign in again.")
        stored = json.loads(path.read_text("utf-8"))
        return Session(**{key: stored[key] for key in (f.name for f in fields(Session)) if key in stored})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        raise usage_error(f"{path} cannot be read. Run `portal logout`, then sign in again.") from None


def save(session: Session, profile: str) -> None:
    """Store a session: a new file with mode 0600 replaces the previous one."""
    path = _path(profile)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # mkstemp sets mode 0600
    except OSError as error:
        raise CliError(f"The session cannot be stored in {path.parent}: {error.strerror}.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(session), file)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def delete(profile: str) -> bool:
    """Delete a session; whether there was one."""
    try:
        _path(profile).unlink()
    except FileNotFoundError:
        return False
    return True


def _path(profile: str) -> Path:
    if not _PROFILE.match(profile):
        raise usage_error("A profile name consists of letters, digits and hyphens.")
    return directory() / f"{profile}.json"
