"""The integrity of the audit log: checkpoints, incidents, and inclusion proofs."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Count

from apps.audit_log.auditverify import BadNote, check_inclusion, open_note, origin_of
from apps.audit_log.models import Checkpoint, Incident, Leaf
from apps.audit_log.proofs import inclusion_proof
from apps.audit_log.records import leaf_of_row
from apps.audit_reader.log_entries import select_records, subtree
from apps.audit_reader.queries import FoundRecord
from apps.audit_reader.staleness import Backlog
from apps.audit_reader.stall_thresholds import NUMBERING, level_of
from apps.audit_reader.trusted_keys import trusted_verifiers
from apps.core.errors import NotFound
from apps.core.sql import select

# In the order of the positional fields of `LogState`.
_LOGS = """
    SELECT l.log_id, l.size, l.newest, l.forgotten, coalesce(c.note, ''), c.at, coalesce(v.size, 0), v.at,
        coalesce(v.reached, 0), v.looked
    FROM audit_log l LEFT JOIN audit_checkpoint c ON c.log_id = l.log_id AND c.size = l.size
    LEFT JOIN audit_verification v ON v.log_id = l.log_id ORDER BY l.newest DESC LIMIT 1000
"""


class NotSequenced(NotFound):
    """The record has no number in its log yet, or there is no such record."""


@dataclass(frozen=True, slots=True)
class LogState:
    """One log: its signed size, and whether its newest checkpoint has our signature."""

    log_id: UUID
    size: int
    newest: datetime
    forgotten: int
    note: str
    signed: datetime | None
    verified: int  # records that the last complete verification confirmed
    verified_at: datetime | None
    reached: int  # the position of the running verification
    looked: datetime | None  # when a part of it was last verified
    _: KW_ONLY
    genuine: bool
    waiting: Backlog | None  # records that have no number yet
    incidents: int = 0

    @property
    def level(self) -> str:
        """The level of its status label."""
        if self.incidents or not self.genuine:
            return "wrong"
        return "ok" if self.verified_at else "attention"

    @property
    def word(self) -> str:
        """The text of its status label."""
        return {"ok": "verified", "attention": "verifying", "wrong": "error"}[self.level]

    @property
    def last_verified(self) -> int:
        """The number of the last verified record; numbers begin at 0."""
        return self.verified - 1

    def pace(self, *, now: datetime) -> str:
        """The level of how fast its new records are sequenced."""
        return level_of(self.waiting.since if self.waiting else None, NUMBERING, now=now)


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The proof of one record. `problem` "": the record gives its leaf, and the path leads to a signed root."""

    seq: int
    size: int
    note: str
    signed: datetime
    path: list[bytes]
    problem: str = ""

    def as_proof(self) -> dict[str, Any]:
        """The proof as `auditverify inclusion` reads it."""
        return {"seq": self.seq, "checkpoint": self.note, "proof": [node.hex() for node in self.path]}


def list_logs(*, waiting: Mapping[UUID, Backlog]) -> list[LogState]:
    """List the logs that have records, at most 1 000. `waiting`: of `staleness.count_unsequenced`."""
    of_the_log = Incident.objects.exclude(problem__in=Incident.NOT_OF_RECORDS)
    incidents = dict(of_the_log.values_list("log_id").annotate(count=Count("pk")))
    return [
        LogState(*row, genuine=_is_genuine(row), waiting=waiting.get(row[0]), incidents=incidents.get(row[0], 0))
        for row in select(_LOGS)
    ]


def list_checkpoints(*, log_id: UUID, limit: int, below: int | None = None) -> list[Checkpoint]:
    """List checkpoints, the newest first, optionally of sizes below one."""
    rows = Checkpoint.objects.filter(log_id=log_id).order_by("-size")
    return list((rows.filter(size__lt=below) if below is not None else rows)[:limit])


def list_incidents(*, limit: int) -> list[Incident]:
    """List incidents, the latest first."""
    return list(Incident.objects.order_by("-found")[:limit])


def get_inclusion(*, record: FoundRecord) -> Inclusion | None:
    """Make the proof of a record against the newest checkpoint; None while it has no number."""
    if record.seq is None:
        return None
    log_id = UUID(record.header["log"])
    newest = Checkpoint.objects.filter(log_id=log_id, size__gt=record.seq).order_by("-size").first()
    if newest is None:
        return None
    leaf = bytes(Leaf.objects.values_list("hash", flat=True).get(log_id=log_id, seq=record.seq))
    try:
        path = inclusion_proof(record.seq, newest.size, partial(subtree, log_id))
    except LookupError as error:
        return Inclusion(record.seq, newest.size, newest.note, newest.at, [], f"The tree has a hole: {error}.")
    problem = _check(record, leaf, path, newest)
    return Inclusion(record.seq, newest.size, newest.note, newest.at, path, problem)


def proof_of(*, record: FoundRecord) -> Inclusion:
    """Make the proof of a record. Raises `NotSequenced`."""
    inclusion = get_inclusion(record=record)
    if inclusion is None:
        raise NotSequenced("The record has no place in its log yet. Ask again in a second.")
    return inclusion


def _is_genuine(row: Sequence[Any]) -> bool:
    """Return whether the newest checkpoint has our signature and is of this log at this size."""
    log_id, size, _, _, note, *_ = row
    try:
        signed = open_note(note, trusted_verifiers())
    except BadNote:
        return False
    return (signed.size, signed.origin) == (size, origin_of(str(log_id)))


def _check(record: FoundRecord, leaf: bytes, path: list[bytes], newest: Checkpoint) -> str:
    """Find the problem of a record's proof; "" when there is none."""
    if record.problem:
        return record.problem
    (row,) = select_records("e.id = %s", [record.id])
    if leaf_of_row(row) != leaf:
        return "The record's bytes are not those that were given this place: it was altered."
    try:
        signed = open_note(newest.note, trusted_verifiers())
    except BadNote as error:
        return f"The checkpoint of {newest.size} records is not genuine: {error}."
    if record.seq is None or not check_inclusion(leaf, record.seq, signed.size, path, signed.root):
        return "The path does not lead to the signed root: leaves of this log were changed."
    return ""
