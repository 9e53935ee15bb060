"""The sequencer: gives each committed record its number in its log, and signs the new state of the log.

Order is (transaction id, record id), and only transactions below the snapshot's xmin are taken: all of those have
ended, so that a record that commits late is not skipped (docs/reference/security-guarantees.md section 4).
One sequencer works at a time.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction

from apps.audit_log.auditverify import Checkpoint, Frontier, origin_of, signed_note
from apps.audit_log.models import Checkpoint as CheckpointRow
from apps.audit_log.models import Cursor, Incident, Log, Tile
from apps.audit_log.models import Writer as WriterRow
from apps.audit_log.records import LEAF_COLUMNS, format_timestamp, grammar_fault, leaf_of_row
from apps.core.ids import min_uuid7_at, uuid7_time
from apps.core.sql import execute, select, select_prepared, select_value

LARGEST_ROUND = 5000
TILE_HEIGHTS = frozenset({8, 16, 24, 32})
NOBODY = UUID(int=0)
_LATE_SECONDS = 7 * 86400  # how far a writer's clock may be behind; older days are not searched

_NEXT = f"""
    SELECT {", ".join(LEAF_COLUMNS.values())} FROM audit_event e
    WHERE (e.xid, e.id) > (%s::text::xid8, %s::uuid) AND e.id > %s::uuid AND e.id >= %s::uuid
    AND (e.xid < pg_snapshot_xmin(pg_current_snapshot()) OR %s::boolean)
    ORDER BY e.xid, e.id LIMIT {LARGEST_ROUND}
"""  # noqa: S608  names are ours
# Both once a round; most rounds find nothing.
_PLACE = """
    SELECT xid, event_id, since, pg_snapshot_xmax(pg_current_snapshot())::text FROM audit_cursor WHERE id = 1
"""
_ANY = """
    SELECT 1 FROM audit_event e
    WHERE (e.xid, e.id) > (%s::text::xid8, %s::uuid) AND e.id > %s::uuid AND e.id >= %s::uuid LIMIT 1
"""
# Beyond the snapshot: no transaction has got these ids. After a restore, records from before it have such ids, too.
_FUTURE = """
    SELECT e.log_id, e.id, e.xid::text FROM audit_event e
    WHERE e.xid >= pg_snapshot_xmax(pg_current_snapshot()) AND e.id > %s::uuid
    AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.event_id = e.id) ORDER BY e.xid LIMIT 100
"""
_COUNT = """
    INSERT INTO audit_minutecount (log_id, minute, total, refused)
    SELECT * FROM json_to_recordset(%s::json) AS c (log_id uuid, minute timestamptz, total bigint, refused bigint)
    ON CONFLICT (log_id, minute) DO UPDATE SET
    total = audit_minutecount.total + excluded.total, refused = audit_minutecount.refused + excluded.refused
"""


class Signer(NamedTuple):
    """The signer of checkpoints. `sign`: SHA-256 digests to signatures, r and s as DER (RFC 3279)."""

    name: str
    spki: bytes
    sign: Callable[[Sequence[bytes]], list[bytes]]


@dataclass
class _LogUpdate:
    """One log during one round."""

    row: Log | None
    frontier: Frontier
    newest: datetime
    leaves: list[tuple[int, UUID, bytes]] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    minutes: dict[datetime, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))


def sequence(
    *,
    signer: Signer,
    now: datetime,
    witness: Callable[[Mapping[UUID, str]], None] = lambda _notes: None,
    names: Callable[[Collection[UUID]], Mapping[UUID, str]] = lambda _logs: {},
) -> int:
    """Run one round. Return the number of sequenced records; 0 also when another sequencer is running.

    `witness` receives, after the commit, the signed notes by log. `names` returns the names of the logs' vaults, which
    are signed with the checkpoints.
    """
    return _sequence(signer, now, witness, names) if _has_news(now) else 0


def _has_news(now: datetime) -> bool:
    """Whether a round would find something. Costs a tenth of a round that finds nothing."""
    rows = select_prepared(_PLACE)
    if not rows:
        return True
    xid, event_id, since, ahead = rows[0]
    if int(xid) > int(ahead):
        return True
    oldest = oldest_searched_id(Cursor(xid=xid, event_id=event_id, since=since), now)
    return bool(select_prepared(_ANY, [str(xid), event_id, since, oldest]))


@transaction.atomic
def _sequence(
    signer: Signer,
    now: datetime,
    witness: Callable[[Mapping[UUID, str]], None],
    names: Callable[[Collection[UUID]], Mapping[UUID, str]],
) -> int:
    place, _ = Cursor.objects.get_or_create(pk=1, defaults={"xid": 0, "event_id": NOBODY, "since": NOBODY})
    ahead = select_value("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    restored = int(place.xid) > int(ahead)  # a logical restore: transaction ids started again
    rows = _next_rows(place, now, restored=restored)
    if not (rows or restored) or not _lock(place):
        return 0
    if not rows:
        _restart(place)
        return 0
    well_formed = _set_aside(rows, now)
    logs = _grow(well_formed)
    _check_numbers(well_formed, now)
    notes = _store(logs, signer, names(logs), now)
    transaction.on_commit(lambda: witness(notes))
    last = rows[-1]
    Cursor.objects.filter(pk=1).update(xid=int(last["xid"]), event_id=last["id"])
    return len(rows)


def _lock(place: Cursor) -> bool:
    """Lock the place, if it is still this one and no other sequencer has it.

    A row, not an advisory lock: only the audit worker's role can lock it. It is locked after the search, because a lock
    of a row takes a transaction id, and rounds without records take none.
    """
    same = Cursor.objects.filter(pk=1, xid=place.xid, event_id=place.event_id, since=place.since)
    return same.select_for_update(skip_locked=True).first() is not None


def create_partitions(*, now: datetime, days: int = 16) -> int:
    """Create the missing partitions of the next days."""
    return int(select_value("SELECT audit_make_days(%s::date, %s)", [now.date(), days]))


def oldest_searched_id(place: Cursor, now: datetime) -> UUID:
    """The least id of the search. An id from the future, by a wrong clock or an attacker, must not hide others."""
    return min_uuid7_at(min(uuid7_time(place.event_id), now.timestamp()) - _LATE_SECONDS)


def report_unreachable(*, now: datetime) -> int:
    """Report the records with a transaction id of the future, which no round takes. Return how many there are.

    Serving roles cannot write the column: such a row was made by the tables' owner, or by a superuser.
    """
    place = Cursor.objects.filter(pk=1).first()
    rows = select(_FUTURE, [place.since if place else NOBODY])
    for log_id, event_id, xid in rows:
        sentence = f"The record has the transaction id {xid} of the future and gets no number."
        Incident.report(log_id=log_id, event_id=event_id, problem="extra", sentence=sentence, now=now)
    return len(rows)


def _set_aside(rows: Iterable[Mapping[str, Any]], now: datetime) -> list[Mapping[str, Any]]:
    """Report the rows that cannot be encoded, and return the others: a malformed record must not stop its log."""
    well_formed = []
    for row in rows:
        if column := grammar_fault(row):
            sentence = (
                f"The record was set aside and has no number: its column '{column}' has a value that is not valid."
            )
            Incident.report(log_id=row["log_id"], event_id=row["id"], problem="malformed", sentence=sentence, now=now)
        else:
            well_formed.append(row)
    return well_formed


def _next_rows(place: Cursor, now: datetime, *, restored: bool) -> list[dict[str, Any]]:
    values = [str(place.xid), place.event_id, place.since, oldest_searched_id(place, now), restored]
    return [dict(zip(LEAF_COLUMNS, row, strict=True)) for row in select(_NEXT, values)]


def _restart(place: Cursor) -> None:
    query = "SELECT max(id::text)::uuid FROM audit_event WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())"
    Cursor.objects.filter(pk=1).update(xid=0, event_id=NOBODY, since=select_value(query) or place.event_id)


def _grow(rows: Iterable[Mapping[str, Any]]) -> dict[UUID, _LogUpdate]:
    wanted = {row["log_id"] for row in rows}
    known = {log.log_id: log for log in Log.objects.select_for_update().filter(log_id__in=wanted).order_by("log_id")}
    logs: dict[UUID, _LogUpdate] = {}
    for row in rows:
        log = logs.get(row["log_id"])
        if log is None:
            stored = known.get(row["log_id"])
            log = logs[row["log_id"]] = _LogUpdate(stored, frontier_of(stored), stored.newest if stored else row["at"])
        leaf = leaf_of_row(row)
        log.leaves.append((log.frontier.size, row["id"], leaf))
        for height, index, root in log.frontier.append(leaf):
            if height in TILE_HEIGHTS:
                log.tiles.append(Tile(log_id=row["log_id"], height=height, index=index, hash=root))
        log.newest = max(log.newest, row["at"])
        count = log.minutes[row["at"].replace(second=0, microsecond=0)]
        count[0] += 1
        count[1] += row["status"] >= 400
    return logs


def frontier_of(log: Log | None) -> Frontier:
    """The right edge of a log, from its row."""
    if log is None:
        return Frontier()
    edge = bytes(log.frontier)
    return Frontier(log.size, [edge[at : at + 32] for at in range(0, len(edge), 32)])


def _store(
    logs: Mapping[UUID, _LogUpdate], signer: Signer, names: Mapping[UUID, str], now: datetime
) -> dict[UUID, str]:
    with connection.cursor() as cursor, cursor.copy("COPY audit_leaf (log_id, seq, event_id, hash) FROM STDIN") as copy:
        for log_id, log in logs.items():
            for seq, event_id, leaf in log.leaves:
                copy.write_row((log_id, seq, event_id, leaf))
    Tile.objects.bulk_create([tile for log in logs.values() for tile in log.tiles])
    Log.objects.bulk_create(
        [
            Log(log_id=log_id, size=log.frontier.size, frontier=b"".join(log.frontier.hashes), newest=log.newest)
            for log_id, log in logs.items()
        ],
        update_conflicts=True,
        unique_fields=["log_id"],
        update_fields=["size", "frontier", "newest"],
    )
    counts = [
        {"log_id": log_id, "minute": minute, "total": total, "refused": refused}
        for log_id, log in logs.items()
        for minute, (total, refused) in log.minutes.items()
    ]
    execute(_COUNT, [orjson.dumps(counts).decode()])
    return _sign({log_id: log.frontier for log_id, log in logs.items()}, signer, names, now)


def _sign(
    frontiers: Mapping[UUID, Frontier], signer: Signer, names: Mapping[UUID, str], now: datetime
) -> dict[UUID, str]:
    at, texts = format_timestamp(now), {}
    for log_id, frontier in frontiers.items():
        point = Checkpoint(origin_of(str(log_id)), frontier.size, frontier.root(), at, names.get(log_id, ""))
        texts[log_id] = point.text()
    signatures = signer.sign([hashlib.sha256(text.encode()).digest() for text in texts.values()])
    notes = {
        log_id: signed_note(text, signer.name, signer.spki, signature)
        for (log_id, text), signature in zip(texts.items(), signatures, strict=True)
    }
    CheckpointRow.objects.bulk_create(
        [CheckpointRow(log_id=log_id, size=frontiers[log_id].size, note=note, at=now) for log_id, note in notes.items()]
    )
    return notes


def _check_numbers(rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Check that each writer's numbers are consecutive in each log; a gap is a deleted record."""
    writers = {row["writer"] for row in rows}
    last = {(row.writer, row.log_id): row.number for row in WriterRow.objects.filter(writer__in=writers)}
    seen: dict[tuple[UUID, UUID], int] = {}
    for row in rows:
        key = (row["writer"], row["log_id"])
        expected = seen.get(key, last.get(key, 0)) + 1
        if row["number"] != expected:
            _report_gap(row, expected, now)
        seen[key] = max(row["number"], expected - 1)
    WriterRow.objects.bulk_create(
        [WriterRow(writer=writer, log_id=log, number=number, seen=now) for (writer, log), number in seen.items()],
        update_conflicts=True,
        unique_fields=["writer", "log_id"],
        update_fields=["number", "seen"],
    )


def _report_gap(row: Mapping[str, Any], expected: int, now: datetime) -> None:
    if row["number"] > expected:
        count = row["number"] - expected
        problem, sentence = "gap", f"{count} record(s) of writer {row['writer']} before this one are missing."
    else:
        problem, sentence = "extra", f"Writer {row['writer']} gives the number {row['number']} a second time."
    Incident.report(log_id=row["log_id"], event_id=row["id"], problem=problem, sentence=sentence, now=now)
