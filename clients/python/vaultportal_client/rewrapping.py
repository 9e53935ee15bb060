"""Re-wraps ciphertexts with the newest versions: items of a store, or files. Contents stay encrypted and unchanged.

An interrupted run can be repeated: ciphertexts under the newest versions are recognised by their headers.
"""

import os
import shutil
import tempfile
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from vaultportal_client.client import EnvelopeClient, read_header
from vaultportal_client.envelope import split_header
from vaultportal_client.errors import EnvelopeError
from vaultportal_client.wire_format import MAGIC, parse_header

Item = TypeVar("Item")
_KNOWN_HEADERS = 1000
_PREFIX = ".rewrap-"


class ChangedMeanwhile(EnvelopeError):
    """A file was changed by another program while it was re-wrapped. It was left as that program wrote it."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item]):
    """The result for one item. `changed`: it was re-wrapped and stored; `error`: the reason why it was not changed."""

    item: Item
    changed: bool = False
    error: Exception | None = None


@dataclass(slots=True)
class Progress:
    """Counts of a run. `total`: None if it is not known."""

    total: int | None = None
    changed: int = 0
    current: int = 0
    failed: int = 0
    _began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> int:
        return self.changed + self.current + self.failed

    def add(self, outcome: "Outcome[Item]") -> None:
        """Count an outcome."""
        if outcome.error is not None:
            self.failed += 1
        elif outcome.changed:
            self.changed += 1
        else:
            self.current += 1

    def seconds_left(self) -> float | None:
        """Estimate from the rate so far; None without a total or before the first item."""
        if self.total is None or not self.done:
            return None
        return (time.monotonic() - self._began) / self.done * (self.total - self.done)


class Rewrapper:
    """Re-wraps with one call to the vaults for each data key, not for each ciphertext. For one thread."""

    def __init__(self, client: EnvelopeClient) -> None:
        self._client = client
        self._renewed: OrderedDict[bytes, bytes] = OrderedDict()

    def header(self, header: bytes) -> bytes:
        """Return the header with the newest versions; the same header if it has these. Raises `EnvelopeError`."""
        if header not in self._renewed:
            self._renewed[header] = self._client.rewrap_header(header)
            if len(self._renewed) > _KNOWN_HEADERS:
                self._renewed.popitem(last=False)
        return self._renewed[header]

    def items(
        self, items: Iterable[tuple[Item, bytes]], store: Callable[[Item, bytes, bytes], None]
    ) -> Iterator[Outcome[Item]]:
        """Re-wrap (item, ciphertext) pairs, one after another.

        Calls `store(item, previous, renewed)` for a changed ciphertext, which should replace the previous one and no
        other. Yields the outcome of each item after it was stored; a later run can continue after this item. An
        `EnvelopeError` is an outcome; an error of `store` ends the run.
        """
        for item, ciphertext in items:
            try:
                header, body = split_header(ciphertext)
                renewed = self.header(header)
            except EnvelopeError as error:
                yield Outcome(item, error=error)
                continue
            if renewed != header:
                store(item, ciphertext, b"".join((renewed, body)))
            yield Outcome(item, changed=renewed != header)

    def files(self, paths: Iterable[Path], *, dry_run: bool = False) -> Iterator[Outcome[Path]]:
        """Re-wrap files in place, in constant memory. Each is replaced at once, or left as it was."""
        for path in paths:
            try:
                yield Outcome(path, changed=self._file(path, dry_run=dry_run))
            except (EnvelopeError, OSError) as error:
                yield Outcome(path, error=error)

    def _file(self, path: Path, *, dry_run: bool) -> bool:
        path = path.resolve(strict=True)
        with path.open("rb") as source:
            before = os.fstat(source.fileno())
            header = read_header(source)
            renewed = self.header(header)
            if renewed == header or dry_run:
                return renewed != header
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=_PREFIX, delete=False) as target:
                try:
                    target.write(renewed)
                    shutil.copyfileobj(source, target)
                    target.flush()
                    _take_over(path, target.fileno(), before)
                    Path(target.name).replace(path)
                except BaseException:
                    Path(target.name).unlink(missing_ok=True)
                    raise
        _sync_directory(path.parent)
        return True


def find_files(paths: Sequence[Path]) -> list[Path]:
    """List the given files, and the ciphertexts in the given directories, in the order of their names."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (each for each in sorted(path.rglob("*")) if each.is_file() and not each.is_symlink())
            found += [each for each in inside if not each.name.startswith(_PREFIX) and _is_ciphertext(each)]
        else:
            found.append(path)
    return found


def describe(path: Path) -> list[dict[str, str]]:
    """Read which versions a file is under. Nothing is verified. Raises `MalformedCiphertext`, `OSError`."""
    with path.open("rb") as source:
        header = parse_header(read_header(source))
    return [{"kid": copy.key_id, "alg": copy.algorithm} for copy in header.copies]


def _is_ciphertext(path: Path) -> bool:
    with path.open("rb") as source:
        return source.read(len(MAGIC)) == MAGIC


def _take_over(path: Path, descriptor: int, before: os.stat_result) -> None:
    """Give the new file the owner and mode of the old one, which nobody may have changed. Raises `ChangedMeanwhile`."""
    os.fchmod(descriptor, before.st_mode & 0o7777)
    if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fsync(descriptor)
    now = path.stat()
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns):
        raise ChangedMeanwhile(f"{path} was changed by another program at the same time. Run the command again.")


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
