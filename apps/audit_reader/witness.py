"""The witness: the newest checkpoint of each log, in files of the audit worker outside the database.

A database that is reset to an earlier state has the earlier checkpoints; these files still have the newer ones. At the
start, the files of the earlier process are renamed to `.kept`, so that a log that was reset and grows again cannot
overwrite them before a verification has read them.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings

from apps.audit_log.auditverify import BadNote, Checkpoint, Verifier, open_note
from apps.core.private_files import replace_file

_SECONDS = 5.0  # between two writes of a growing log


class Witness:
    """The files of one process."""

    def __init__(self) -> None:
        self._written: dict[UUID, float] = {}
        for path in _directory().glob("*.note"):
            kept = path.with_suffix(".kept")
            if _size(path) >= _size(kept):  # never let a smaller one take the place of a larger one
                path.replace(kept)

    def store(self, notes: Mapping[UUID, str]) -> None:
        """Store checkpoints that were just signed and committed, at most every `_SECONDS` for each log."""
        moment = time.monotonic()
        for log_id, note in notes.items():
            if moment - self._written.get(log_id, float("-inf")) >= _SECONDS:
                self._written[log_id] = moment
                replace_file(_directory() / f"{log_id}.note", note, mode=0o640)  # the verifier's group


def load_checkpoints(log_id: UUID, verifiers: Sequence[Verifier]) -> list[Checkpoint]:
    """Load the stored checkpoints of one log. Files without our signature are ignored."""
    checkpoints = []
    for suffix in ("kept", "note"):
        with suppress(BadNote, ValueError, OSError):
            text = (_directory() / f"{log_id}.{suffix}").read_text(encoding="utf-8")
            checkpoints.append(open_note(text, verifiers))
    return checkpoints


def _size(path: Path) -> int:
    """The log size in a note (its second line); -1 without a readable note."""
    try:
        return int(path.read_text(encoding="utf-8").split("\n")[1])
    except (OSError, ValueError, IndexError):
        return -1


def _directory() -> Path:
    path = Path(settings.AUDIT_WITNESS_DIR)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
