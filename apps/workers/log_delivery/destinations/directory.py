"""Directories below the one that the operator of the installation set aside (`DELIVERY_ROOT`)."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from apps.workers.log_delivery.destinations import TEST_NAME, TEST_TEXT, SinkConfig, SinkError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DirectorySink:
    """Opens each directory relative to its parent and follows no link, so that no path leaves the root."""

    def __init__(self, config: SinkConfig) -> None:
        if config.root is None:
            raise SinkError(
                "This installation does not deliver to directories. The operator can configure one (DELIVERY_ROOT)."
            )
        self._root = config.root
        self._parts = [*config.settings["path"].split("/"), *config.folder.split("/")]

    def put(self, name: str, data: bytes) -> None:
        *folders, file = name.split("/")
        for part in (*self._parts, *folders, file):
            if part in ("", ".", "..") or "\x00" in part:
                raise SinkError("The object's name leads out of the directory.")
        with _translated_errors(), _open_folders(str(self._root), [*self._parts, *folders]) as folder:
            _write(folder, file, data)

    def check(self) -> None:
        self.put(TEST_NAME, TEST_TEXT)

    def close(self) -> None:
        """Nothing: no connection is kept open."""


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


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise SinkError("Something on the way to the directory is a link or a file. Remove it.") from None
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SinkError("The disk of the directory is full. Make room there.") from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise SinkError("The delivery process may not write the directory. Give its account the right.") from None
        raise SinkError(f"The directory cannot be written ({os.strerror(error.errno or 0)}).") from None
