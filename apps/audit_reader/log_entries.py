"""A log in its order: its size, its checkpoints, its edge at any size, and its records, opened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from apps.audit_log.auditverify import node_hash
from apps.audit_log.models import Checkpoint, Leaf, Log, Tile
from apps.audit_log.records import shown_header
from apps.audit_reader.decryption import load_data_keys, open_body
from apps.core.ids import min_uuid7_at

_CHUNK = 1000
COLUMNS = "id, log_id, at, operation, phase, status, request_id, caller, object, address, writer, number, key_id"
NAMES = (*COLUMNS.split(", "), "commitment", "sealed", "sealed_sha256", "xid")
SELECTED = ", ".join(f"e.{name}" for name in COLUMNS.split(", "))
SELECTED += ", e.commitment, e.sealed, sha256(e.sealed), e.xid::text"
_RANGE = f"""
    SELECT l.seq, l.hash, {SELECTED} FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id
    WHERE l.log_id = %s AND l.seq BETWEEN %s AND %s ORDER BY l.seq
"""  # noqa: S608  names are ours


@dataclass(frozen=True, slots=True)
class Boundary:
    """A size at which the log was signed."""

    size: int
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One record, opened. `header` and `body` as in docs/audit-log.md."""

    seq: int
    id: UUID
    header: dict[str, Any]
    salt: bytes
    body: dict[str, Any]
    sealed_sha256: bytes
    xid: int
    leaf: bytes

    def line(self) -> dict[str, Any]:
        """The record as it is exported: the body, with what is needed to check it."""
        return {
            **self.body,
            "integrity": {
                "seq": self.seq,
                "header": self.header,
                "salt": self.salt.hex(),
                "sealed": self.sealed_sha256.hex(),
                "xid": self.xid,
            },
        }


def head(*, log_id: UUID) -> tuple[int, datetime | None]:
    """(number of records, time of the newest)."""
    log = Log.objects.filter(pk=log_id).first()
    return (log.size, log.newest) if log else (0, None)


def next_boundary(*, log_id: UUID, after: int, most: int) -> Boundary | None:
    """The newest checkpoint at most `most` records after a size; the next one when a single round was larger."""
    later = Checkpoint.objects.filter(log_id=log_id, size__gt=after)
    row = later.filter(size__lte=after + most).order_by("-size").first() or later.order_by("size").first()
    return Boundary(row.size, row.note, row.at) if row else None


def note_at(*, log_id: UUID, size: int) -> str:
    """The checkpoint of exactly this size; "" when there is none."""
    return Checkpoint.objects.filter(log_id=log_id, size=size).values_list("note", flat=True).first() or ""


def entries(*, log_id: UUID, first: int, last: int) -> Iterator[Entry]:
    """Records `first` to `last`, both included, in order. Forgotten ones are passed over.

    Raises `Unreadable` at a record that does not open, `HsmUnavailable` when the audit worker does not answer.
    """
    for at in range(first, last + 1, _CHUNK):
        with connection.cursor() as cursor:
            cursor.execute(_RANGE, [log_id, at, min(at + _CHUNK - 1, last)])
            rows = [dict(zip(("seq", "leaf", *NAMES), row, strict=True)) for row in cursor.fetchall()]
        keys = load_data_keys(row["key_id"] for row in rows)
        for row in rows:
            yield entry_of(row, keys)


def entry_of(row: dict[str, Any], keys: dict[UUID, bytes]) -> Entry:
    """An opened record from a row of `SELECTED` with `seq` and `leaf`. Raises `Unreadable`."""
    salt, body = open_body(row, keys)
    return Entry(
        seq=row["seq"],
        id=row["id"],
        header=shown_header(row),
        salt=salt,
        body=body,
        sealed_sha256=bytes(row["sealed_sha256"]),
        xid=int(row["xid"]),
        leaf=bytes(row["leaf"]),
    )


def frontier_at(*, log_id: UUID, size: int) -> list[bytes]:
    """The roots of the complete subtrees at a size's right edge, largest first."""
    found, start = [], 0
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            found.append(subtree(log_id=log_id, height=height, index=start >> height))
            start += 1 << height
    return found


def subtree(*, log_id: UUID, height: int, index: int) -> bytes:
    """The root of the complete subtree of 2^height leaves that is the index-th of its height. From tiles, or leaves."""
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
    """(first, beyond the last) between two checkpoints: the smallest range that has every kept record of a period.

    Places follow commits and times do not quite: the neighbours at both ends are asked, not one record alone.
    """
    log = Log.objects.filter(pk=log_id).first()
    if log is None:
        return 0, 0
    low = _places("id >= %s", "ASC", log_id, min_uuid7_at(since.timestamp()))
    high = _places("id < %s", "DESC", log_id, min_uuid7_at(until.timestamp()))
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


def _places(condition: str, order: str, log_id: UUID, bound: UUID) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT l.seq FROM (SELECT id FROM audit_event WHERE log_id = %s AND {condition} "  # noqa: S608  ours
            f"ORDER BY id {order} LIMIT 200) e JOIN audit_leaf l ON l.event_id = e.id",
            [log_id, bound],
        )
        return [seq for (seq,) in cursor.fetchall()]
