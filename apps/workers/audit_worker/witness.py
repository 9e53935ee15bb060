"""What the log was, kept outside the database: the newest checkpoint of each log, in files of the audit worker's own.

Whoever sets the database back to an earlier state sets its checkpoints back too; these files still know the newer one.
What an earlier process wrote down is set aside at the start (`.kept`), so that a log that was set back and grows again
cannot overwrite it before a check has looked.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from django.conf import settings

from apps.audit_log.auditverify import BadNote, Checkpoint, Verifier, open_note
from apps.core.private_files import replace_file

_SECONDS = 5.0  # how often a log that grows is written down


class Witness:
    """The files of one process."""

    def __init__(self) -> None:
        self._written: dict[UUID, float] = {}
        for path in _directory().glob("*.note"):
            kept = path.with_suffix(".kept")
            if _size(path) >= _size(kept):  # never let a smaller one take the place of a larger one
                path.replace(kept)

    def remember(self, notes: Mapping[UUID, str]) -> None:
        """Write down what was signed and committed a moment ago, for each log once in a while."""
        moment = time.monotonic()
        for log_id, note in notes.items():
            if moment - self._written.get(log_id, float("-inf")) >= _SECONDS:
                self._written[log_id] = moment
                replace_file(_directory() / f"{log_id}.note", note)


def load_checkpoints(verifiers: Sequence[Verifier]) -> dict[UUID, list[Checkpoint]]:
    """What was written down. A file that is not signed by us says nothing."""
    found: dict[UUID, list[Checkpoint]] = {}
    for path in (*_directory().glob("*.kept"), *_directory().glob("*.note")):
        with suppress(BadNote, ValueError, OSError):
            note = open_note(path.read_text(encoding="utf-8"), verifiers)
            found.setdefault(UUID(path.stem), []).append(note)
    return found


def _size(path: Path) -> int:
    """The number of records that a note speaks of (its second line); -1 when there is none."""
    try:
        return int(path.read_text(encoding="utf-8").split("\n")[1])
    except (OSError, ValueError, IndexError):
        return -1


def _directory() -> Path:
    path = Path(settings.AUDIT_WITNESS_DIR)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
