"""Files that the user names. An error that the operating system reports becomes a `CliError`."""

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import usage_error


@contextlib.contextmanager
def open_input(path: Path) -> Iterator[BinaryIO]:
    """The file for reading; `-` is standard input. Raises `CliError`."""
    with _reported(path, "read"), sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
        yield file


@contextlib.contextmanager
def open_output(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """The file for writing; `private`: readable only by its owner. Raises `CliError`."""
    with _reported(path, "written"), _open_private(path) if private else path.open("wb") as file:
        yield file


def read_text(path: Path) -> str:
    """The whole file. Raises `CliError`."""
    with _reported(path, "read"):
        return path.read_text("utf-8", "replace")


def read_standard_input(limit: int, prompt: str) -> str:
    """At most one byte more than the limit, so that the caller can reject longer input; a terminal gets a prompt."""
    if sys.stdin.isatty():
        sys.stderr.write(prompt + "\n")
    return sys.stdin.buffer.read(limit + 1).decode("utf-8", "replace")


def _open_private(path: Path) -> BinaryIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    file = os.fdopen(handle, "wb")
    if stat.S_ISREG(os.fstat(handle).st_mode):
        os.fchmod(handle, 0o600)  # an existing file has its own mode
        file.truncate()
    return file


@contextlib.contextmanager
def _reported(path: Path, action: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise usage_error(f"{path} cannot be {action}: {error.strerror}.") from None
