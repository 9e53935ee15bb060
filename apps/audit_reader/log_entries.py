"""A log in its order: size, checkpoints, tree and decrypted records."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.audit_log.auditverify import export_line, node_hash, unopened_line
from apps.audit_log.models import Checkpoint, Leaf, Log, Tile
from apps.audit_log.records import LEAF_COLUMNS, canonical, shown_header
from apps.audit_reader.decryption import Unreadable, load_data_keys, open_body
from apps.core.ids import min_uuid7_at
from apps.core.sql import select

_CHUNK = 1000
_COLUMNS = {**LEAF_COLUMNS, "sealed": "e.sealed"}
SELECTED = ", ".join(_COLUMNS.values())  # of a record that is to be decrypted
_RANGE = f"""
    SELECT l.seq, l.hash, l.event_id, {SELECTED} FROM audit_leaf l LEFT JOIN audit_event e ON e.id = l.event_id
    WHERE l.log_id = %s AND l.seq BETWEEN %s AND %s ORDER BY l.seq
"""  # noqa: S608  names are ours


class MissingRecord(LookupError):
    """A record of the range is not stored any more."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """A size of the log that has a signed checkpoint."""

    size: int
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a log. `header` and `body` as in docs/audit-log.md.

    `problem`: why its body does not open, which is then empty.
    """

    seq: int
    id: UUID
    header: dict[str, Any]
    salt: bytes
    body: dict[str, Any]
    commitment: bytes
    sealed_sha256: bytes
    xid: int
    leaf: bytes
    problem: str = ""

    def export_line(self) -> bytes:
        """The record as a line of an export."""
        header, place = canonical(self.header), {"seq": self.seq, "xid": self.xid}
        if self.problem:
            line = unopened_line(commitment=self.commitment, header=header, sealed_sha256=self.sealed_sha256, **place)
        else:
            line = export_line(
                body=canonical(self.body), header=header, salt=self.salt, sealed_sha256=self.sealed_sha256, **place
            )
        return line + b"\n"


@dataclass(frozen=True, slots=True)
class MissingEntry:
    """The place of a record that is not stored any more."""

    seq: int
    leaf: bytes


def selected_rows(statement: str, values: Sequence[Any], *leading: str) -> list[dict[str, Any]]:
    """Run a statement that selects the `leading` columns and then `SELECTED`."""
    return [dict(zip((*leading, *_COLUMNS), row, strict=True)) for row in select(statement, values)]


def select_records(where: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """Select rows of records. `where` is ours: the condition, and what follows it; `values` are its parameters."""
    return selected_rows(f"SELECT {SELECTED} FROM audit_event e WHERE {where}", values)  # noqa: S608  ours


def head(*, log_id: UUID) -> tuple[int, datetime | None]:
    """Return (number of records, time of the newest)."""
    log = Log.objects.filter(pk=log_id).first()
    return (log.size, log.newest) if log else (0, None)


def next_boundary(*, log_id: UUID, after: int, most: int) -> Boundary | None:
    """Find the newest checkpoint at most `most` records after a size; the next one if a single round was larger."""
    later = Checkpoint.objects.filter(log_id=log_id, size__gt=after)
    row = later.filter(size__lte=after + most).order_by("-size").first() or later.order_by("size").first()
    return Boundary(row.size, row.note, row.at) if row else None


def note_at(*, log_id: UUID, size: int) -> str:
    """Get the checkpoint of exactly this size; "" when there is none."""
    return Checkpoint.objects.filter(log_id=log_id, size=size).values_list("note", flat=True).first() or ""


def entries(*, log_id: UUID, first: int, last: int) -> Iterator[Entry | MissingEntry]:
    """Read records `first` to `last`, both included, in order. One that does not open, or is gone, hides no other.

    Raises `MissingRecord` where the log itself has no such place, `HsmUnavailable` when the audit worker does not
    answer.
    """
    for at in range(first, last + 1, _CHUNK):
        end = min(at + _CHUNK - 1, last)
        rows = selected_rows(_RANGE, [log_id, at, end], "seq", "leaf", "event_id")
        if missing := set(range(at, end + 1)) - {row["seq"] for row in rows}:
            raise MissingRecord(f"the leaf of record {min(missing)} is missing")
        keys = load_data_keys(row["key_id"] for row in rows if row["id"] is not None)
        for row in rows:
            yield entry_of(row, keys) if row["id"] is not None else MissingEntry(row["seq"], bytes(row["leaf"]))


def entry_of(row: dict[str, Any], keys: dict[UUID, bytes]) -> Entry:
    """Decrypt a row of `SELECTED` with `seq` and `leaf`."""
    problem, salt, body = "", b"", dict[str, Any]()
    try:
        salt, body = open_body(row, keys)
    except Unreadable as error:
        problem = error.message
    return Entry(
        seq=row["seq"],
        id=row["id"],
        header=shown_header(row),
        salt=salt,
        body=body,
        commitment=bytes(row["commitment"]),
        sealed_sha256=bytes(row["sealed_sha256"]),
        xid=int(row["xid"]),
        leaf=bytes(row["leaf"]),
        problem=problem,
    )


def frontier_at(*, log_id: UUID, size: int) -> list[bytes]:
    """Compute the roots of the complete subtrees at the right edge of a size, largest first."""
    roots, start = [], 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            roots.append(subtree(log_id, height, start >> height))
            start += 1 << height
    return roots


def subtree(log_id: UUID, height: int, index: int) -> bytes:
    """Compute the root of the index-th complete subtree of 2^height leaves, from tiles or leaves."""
    base = height - height % 8
    count, start = 1 << (height - base), index << (height - base)
    if base == 0:
        leaves = Leaf.objects.filter(log_id=log_id, seq__gte=start, seq__lt=start + count).order_by("seq")
        nodes = [bytes(value) for value in leaves.values_list("hash", flat=True)]
    else:
        tiles = Tile.objects.filter(log_id=log_id, height=base, index__gte=start, index__lt=start + count)
        nodes = [bytes(value) for value in tiles.order_by("index").values_list("hash", flat=True)]
    if len(nodes) != count:
        raise LookupError(f"log {log_id} lacks nodes of height {base} from {start}")
    while len(nodes) > 1:
        nodes = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes), 2)]
    return nodes[0]


def range_of(*, log_id: UUID, since: datetime, until: datetime) -> tuple[int, int]:
    """Return (first, beyond the last) between two checkpoints: the smallest range with every stored record of a period.

    Numbers follow commits, and times do so only nearly: several records at both ends are read, not one.
    """
    log = Log.objects.filter(pk=log_id).first()
    if log is None:
        return 0, 0
    low = _numbers("id >= %s", "ASC", log_id, min_uuid7_at(since.timestamp()))
    high = _numbers("id < %s", "DESC", log_id, min_uuid7_at(until.timestamp()))
    if not low or not high or max(high) < min(low):
        return 0, 0
    sizes = Checkpoint.objects.filter(log_id=log_id)
    first = sizes.filter(size__lte=min(low)).order_by("-size").values_list("size", flat=True).first() or 0
    if first < log.forgotten:
        first = (
            sizes.filter(size__gte=log.forgotten).order_by("size").values_list("size", flat=True).first() or log.size
        )
    last = sizes.filter(size__gt=max(high)).order_by("size").values_list("size", flat=True).first() or log.size
    return first, last


def _numbers(condition: str, order: str, log_id: UUID, bound: UUID) -> list[int]:
    query = (
        f"SELECT l.seq FROM (SELECT id FROM audit_event WHERE log_id = %s AND {condition} "  # noqa: S608  ours
        f"ORDER BY id {order} LIMIT 200) e JOIN audit_leaf l ON l.event_id = e.id"
    )
    return [seq for (seq,) in select(query, [log_id, bound])]
