"""Directories below the one that the operator of the installation set aside (`DELIVERY_ROOT`)."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from apps.workers.log_delivery.destinations import Sink, SinkConfig, SinkError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DirectorySink(Sink):
    """Opens each directory relative to its parent and follows no link, so that no path leaves the root."""

    errors = (OSError,)

    def __init__(self, config: SinkConfig) -> None:
        if config.root is None:
            raise SinkError(
                "This installation does not deliver to directories. The operator can configure one (DELIVERY_ROOT)."
            )
        self._root = config.root
        self._parts = [*config.settings["path"].split("/"), *config.folder.split("/")]

    def _store(self, name: str, data: bytes) -> None:
        *folders, file = name.split("/")
        for part in (*self._parts, *folders, file):
            if part in ("", ".", "..") or "\x00" in part:
                raise SinkError("The object's name leads out of the directory.")
        with _open_folders(str(self._root), [*self._parts, *folders]) as folder:
            _write(folder, file, data)

    def advice(self, error: Exception) -> str:
        number = getattr(error, "errno", None)
        if number in (errno.ELOOP, errno.ENOTDIR):
            return "Something on the way to the directory is a link or a file. Remove it."
        if number in (errno.ENOSPC, errno.EDQUOT):
            return "The disk of the directory is full. Make room there."
        if number in (errno.EACCES, errno.EPERM, errno.EROFS):
            return "The delivery process may not write the directory. Give its account the right."
        return f"The directory cannot be written ({os.strerror(number or 0)})."


def _write(folder: int, name: str, data: bytes) -> None:
    """Write a file atomically and durably: temporary file, fsync, rename, fsync of the directory."""
    temporary = f".{name}.{secrets.token_hex(4)}"
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640, dir_fd=folder)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)


@contextmanager
def _open_folders(root: str, parts: list[str]) -> Iterator[int]:
    """Open the innermost directory; create directories that are missing."""
    current = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            with suppress(FileExistsError):
                os.mkdir(part, 0o750, dir_fd=current)
                os.fsync(current)
            child = os.open(part, _FOLDER, dir_fd=current)
            os.close(current)
            current = child
        yield current
    finally:
        os.close(current)
