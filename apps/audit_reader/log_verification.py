"""The server's verification of a log: the checks of `auditverify`, applied to the rows themselves.

Every record is hashed again and compared with its leaf, the leaves are hashed up to each signed checkpoint, writers'
numbers must be consecutive, and every body must decrypt with its header. One bad record hides no other.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.audit_log.auditverify import (
    BadNote,
    Checkpoint,
    Finding,
    Frontier,
    Verifier,
    WriterCheck,
    open_note,
    origin_of,
)
from apps.audit_log.models import Checkpoint as CheckpointRow
from apps.audit_log.models import Cursor, Incident, Log, Tile
from apps.audit_log.operation_names import Operation
from apps.audit_log.records import format_timestamp, leaf_of_row
from apps.audit_log.sequencer import TILE_HEIGHTS
from apps.audit_reader.decryption import Unreadable, load_data_keys, open_body
from apps.audit_reader.log_entries import SELECTED, frontier_at, select_records, selected_rows
from apps.core.sql import select, select_value

CHUNK = 2000
FORGET = Operation.LOG_FORGET  # recorded by each deletion of retention
_RANGE = f"""
    SELECT l.seq, l.event_id, l.hash, {SELECTED} FROM audit_leaf l LEFT JOIN audit_event e ON e.id = l.event_id
    WHERE l.log_id = %s AND l.seq >= %s AND l.seq < %s ORDER BY l.seq
"""  # noqa: S608  names are ours
# What is beyond the end of the log, each in one statement: the sequencer works during a verification.
_NOTES_BEYOND = """
    SELECT c.size FROM audit_checkpoint c JOIN audit_log g ON g.log_id = c.log_id
    WHERE c.log_id = %s AND c.size > least(g.size, %s::bigint) ORDER BY c.size
"""
_LEAVES_BEYOND = """
    SELECT l.seq FROM audit_leaf l JOIN audit_log g ON g.log_id = l.log_id
    WHERE l.log_id = %s AND l.seq >= g.size ORDER BY l.seq
"""
_EXTRA = """
    SELECT e.id FROM audit_event e
    WHERE e.log_id = %s AND (e.xid, e.id) <= (%s::text::xid8, %s::uuid) AND e.id > %s::uuid
    AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.event_id = e.id)
"""


class _LogVerification:
    """One verification of one log."""

    def __init__(self, log_id: UUID, verifiers: Sequence[Verifier], older: Sequence[Checkpoint], first: int) -> None:
        self.log_id, self.verifiers, self.older, self.first = log_id, verifiers, older, first
        self.name = str(log_id)
        self.log = Log.objects.filter(pk=log_id).first()
        self.forgotten = self.log.forgotten if self.log else 0
        self.size = self.log.size if self.log else 0
        self.frontier = Frontier(first, frontier_at(log_id=log_id, size=first))
        self.numbers = WriterCheck(self.name, whole=self.forgotten == 0 and first == 0)
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.notes: dict[int, tuple[str, str]] = {}
        self.cut = False  # leaves at the end are missing
        self.broken = False  # a root that differs makes all later ones differ

    def run(self, last: int | None, *, unsigned: bool) -> Iterator[Finding]:
        """Verify up to a record, or to the end."""
        yield from self._length()
        end = self.size if last is None else min(last, self.size)
        self.notes = self._notes(end)
        yield from self._root()
        for start in range(self.first, end, CHUNK):
            yield from self._chunk(start, min(start + CHUNK, end))
        yield from self.numbers.findings()
        if end == self.size:
            yield from self._edge()
            yield from self._deletions()
            if unsigned:
                yield from self._extra()

    def _chunk(self, start: int, end: int) -> Iterator[Finding]:
        rows = selected_rows(_RANGE, [self.log_id, start, end], "seq", "event_id", "leaf")
        keys = load_data_keys(row["key_id"] for row in rows if row["id"] is not None)
        known = {row["seq"]: row for row in rows}
        for seq in range(start, end):
            row = known.get(seq)
            if row is None:
                self.broken = True
                self.frontier.add(bytes(32))
                self.numbers.lose(seq, seq)
                yield self._found(seq, None, "missing", f"record {seq}: its leaf is missing")
                continue
            for height, index, root in self.frontier.append(bytes(row["leaf"])):
                if height in TILE_HEIGHTS:
                    self.tiles[height, index] = root
            yield from self._record(seq, row, keys)
            yield from self._root()
        yield from self._tiles()

    def _record(self, seq: int, row: dict[str, Any], keys: dict[UUID, bytes]) -> Iterator[Finding]:
        if row["id"] is None:
            if seq >= self.forgotten:
                self.numbers.lose(seq, seq)
                yield self._found(seq, row["event_id"], "missing", f"record {seq} is missing")
            return
        if leaf_of_row(row) != bytes(row["leaf"]) or row["log_id"] != self.log_id:
            self.numbers.lose(seq, seq)
            yield self._found(seq, row["id"], "altered", f"record {seq} is not the signed one")
            return
        self.numbers.add(seq, str(row["id"]), str(row["writer"]), row["number"])
        try:
            open_body(row, keys)
        except Unreadable as error:
            yield self._found(seq, row["id"], "unreadable", f"record {seq}: {error.message}")

    def _notes(self, end: int) -> dict[int, tuple[str, str]]:
        """Read the checkpoints up to a size."""
        rows = CheckpointRow.objects.filter(log_id=self.log_id, size__gte=self.first).values_list("size", "note", "at")
        return {size: (note, format_timestamp(at)) for size, note, at in rows.filter(size__lte=end)}

    def _root(self) -> Iterator[Finding]:
        """Check the signature and the root, if there is a checkpoint of the current size."""
        size = self.frontier.size
        note = self.notes.pop(size, None)
        for older in self.older:
            if older.size == size and older.root != self.frontier.root() and not self.broken:
                yield self._found(
                    None, None, "rollback", f"the first {size} records are not those signed at {older.at}"
                )
        if note is None:
            return
        try:
            checkpoint = open_note(note[0], self.verifiers)
        except BadNote as error:
            yield self._found(None, None, "checkpoint", f"the checkpoint of {size} records: {error}")
            return
        if (checkpoint.origin, checkpoint.size, checkpoint.at) != (origin_of(self.name), size, note[1]):
            yield self._found(None, None, "checkpoint", f"the checkpoint of {size} records is that of another place")
        elif checkpoint.root != self.frontier.root() and not self.broken:
            self.broken = True
            yield self._found(
                None, None, "checkpoint", f"the first {size} records do not give the root that was signed"
            )

    def _length(self) -> Iterator[Finding]:
        """Check that the log is not shorter than it was, nor than its row says."""
        leaves = int(select_value("SELECT COALESCE(max(seq) + 1, 0) FROM audit_leaf WHERE log_id = %s", [self.log_id]))
        if leaves < self.size:
            yield self._found(leaves, None, "missing", f"records {leaves} to {self.size - 1} are missing")
            self.size, self.cut = leaves, True
        for older in self.older:
            if older.size > self.size:
                sentence = f"the log has {self.size} records; at {older.at} it had {older.size}"
                yield self._found(None, None, "rollback", sentence)

    def _tiles(self) -> Iterator[Finding]:
        rows = Tile.objects.filter(log_id=self.log_id)
        for (height, index), root in self.tiles.items():
            stored = rows.filter(height=height, index=index).values_list("hash", flat=True).first()
            if (stored is None or bytes(stored) != root) and not self.broken:
                yield self._found(
                    index << height, None, "altered", f"the kept root of height {height} at {index} is wrong"
                )
        self.tiles.clear()

    def _edge(self) -> Iterator[Finding]:
        for (size,) in select(_NOTES_BEYOND, [self.log_id, self.size if self.cut else None]):
            sentence = f"a checkpoint speaks of {size} records, the log has {self.size}"
            yield self._found(None, None, "rollback", sentence)
        edge = b"".join(self.frontier.hashes)
        if self.log is not None and not self.broken and bytes(self.log.frontier) != edge:
            yield self._found(None, None, "altered", "the kept right edge of the log is not that of its records")
        for (seq,) in select(_LEAVES_BEYOND, [self.log_id]):
            yield self._found(seq, None, "extra", f"record {seq} is beyond the end of the log")

    def _extra(self) -> Iterator[Finding]:
        """Find records that the sequencer has passed without giving them a number."""
        place = Cursor.objects.filter(pk=1).first()
        if place is None:
            return
        for (event_id,) in select(_EXTRA, [self.log_id, str(place.xid), place.event_id, place.since]):
            yield self._found(None, event_id, "extra", f"record {event_id} is not in the signed log")

    def _deletions(self) -> Iterator[Finding]:
        """Check that retention recorded what it deleted."""
        if not self.forgotten:
            return
        recorded = 0
        newest = "e.log_id = %s AND e.operation = %s ORDER BY e.id DESC LIMIT 1"
        for row in select_records(newest, [self.log_id, FORGET]):
            with suppress(Unreadable, KeyError, ValueError, TypeError):
                recorded = int(open_body(row, load_data_keys([row["key_id"]]))[1]["properties"]["below"])
        if recorded != self.forgotten:
            sentence = f"records below {self.forgotten} are gone, but retention recorded {recorded}"
            yield self._found(None, None, "missing", sentence)

    def _found(self, seq: int | None, event_id: UUID | None, problem: Any, sentence: str) -> Finding:
        return Finding(self.name, seq, str(event_id or ""), problem, sentence)


def check(
    *,
    log_id: UUID,
    verifiers: Sequence[Verifier],
    older: Sequence[Checkpoint] = (),
    first: int = 0,
    last: int | None = None,
    unsigned: bool = True,
) -> list[Finding]:
    """Verify a log, or the records from `first` to before `last`. Return the findings.

    `older`: checkpoints stored elsewhere, with which the log must still agree. `unsigned`: at the end of the log, also
    search all records for one that has no place in the log. Raises `HsmUnavailable` when the audit worker does not
    answer.
    """
    try:
        return list(_LogVerification(log_id, verifiers, older, first).run(last, unsigned=unsigned))
    except LookupError as error:  # nodes of the tree at `first` are missing
        return [Finding(str(log_id), first, "", "missing", str(error))]


def check_and_report(
    *,
    log_id: UUID,
    verifiers: Sequence[Verifier],
    older: Sequence[Checkpoint] = (),
    first: int,
    last: int,
    now: datetime,
    unsigned: bool = True,
) -> int:
    """Verify records of a log; findings become rows of `Incident`. Return their number. Raises as `check`."""
    findings = check(log_id=log_id, verifiers=verifiers, older=older, first=first, last=last, unsigned=unsigned)
    for finding in findings:
        event_id = UUID(finding.id) if finding.id else None
        Incident.report(
            log_id=log_id,
            seq=finding.seq,
            event_id=event_id,
            problem=finding.problem,
            sentence=finding.sentence,
            now=now,
        )
    return len(findings)
