"""Files of an installation: written whole or not at all, and private to their owner."""

import os
from pathlib import Path


def replace_file(path: Path, content: str | bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Replace a file in one step: readers and a restart after a crash see the old content or the new.

    `owner`: user and group that get the file; None is the account of this process.
    """
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)  # of a process that was killed
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        os.fchmod(descriptor, mode)  # whatever the umask is
        if owner is not None:
            os.fchown(descriptor, *owner)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
