"""SoftHSM: where its library is, and how a token outlives a login that was killed.

SoftHSM writes the PIN's flags at every login: it empties `token.object` and writes it anew, in place. A process killed
in between leaves 0 bytes, and the token is lost with all its keys (docs/decisions/0016-softhsm-token-file.md). So a
copy of this file is kept, and restored before a process that uses the token is started. Hardware HSMs do not need it.
"""

import contextlib
import os
import tempfile
from pathlib import Path

from apps.launcher.state import StateDirectory

_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
_HEAD = "token.object"


def module() -> str:
    """The path of SoftHSM's library, or "" when it is not installed."""
    return next((path for path in _MODULES if Path(path).exists()), "")


def restore_or_back_up_token(state: StateDirectory, world: str) -> None:
    """Put back the head of the world's token when it is cut off, else keep a copy of it."""
    for head in (state.directory / "tokens" / world).glob(f"*/{_HEAD}"):
        kept = state.directory / "token-heads" / world / head.parent.name
        with contextlib.suppress(FileNotFoundError):  # the token is being taken away
            found = head.read_bytes()
            known = kept.read_bytes() if kept.exists() else b""
            if len(found) < len(known):
                _replace(head, known)
            elif found != known:
                _replace(kept, found, owner=head)


def _replace(path: Path, content: bytes, *, owner: Path | None = None) -> None:
    """At once, for the owner of what is replaced: whoever has the old one open does no harm."""
    whose = (owner or path).stat()
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchown(descriptor, whose.st_uid, whose.st_gid)
        os.fsync(descriptor)
    Path(temporary).replace(path)
