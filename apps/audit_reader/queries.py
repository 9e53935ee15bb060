"""Searches for records by their headers, newest first, a page at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil
from typing import Any, NamedTuple
from uuid import UUID

from apps.audit_log.models import Leaf
from apps.audit_log.records import caller_of, format_timestamp, shown_header, subject_of
from apps.audit_log.sealing import tag_of
from apps.audit_reader.decryption import Unreadable, load_data_keys, open_body
from apps.audit_reader.log_entries import select_records
from apps.core.errors import NotFound
from apps.core.ids import min_uuid7_at
from apps.core.sql import select
from apps.domain.identity.queries import list_client_ids_by_name

LARGEST_PAGE = 500
_NO_TIME = datetime.fromtimestamp(0, UTC)  # of a record of 0.4 whose time cannot be read
_TRIES = 20  # pages that are read to fill one, because hashes may collide and versions are filtered afterwards

_HISTOGRAM = """
    SELECT least(greatest(floor(extract(epoch FROM minute - %s) / %s), 0), %s)::integer, sum(total), sum(refused)
    FROM audit_minutecount WHERE minute >= %s AND minute < %s {} GROUP BY 1
"""

_BY_QUARTER = """
    SELECT floor(extract(epoch FROM minute) / 900)::bigint * 900, sum(total), sum(refused)
    FROM audit_minutecount WHERE minute >= %s AND minute < %s {} GROUP BY 1
"""  # of an hour: time zones differ by multiples of it


class RecordNotFound(NotFound):
    """There is no record with this id, or its body is deleted."""


@dataclass(frozen=True, slots=True)
class Search:
    """The criteria of a search; empty means any. `object` is `keys/name` or `keys/name/version`."""

    log_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    operation: str = ""
    caller: str = ""
    object: str = ""
    address: str = ""
    status: str = ""  # "403", "refused" (400 and above), "done" (below)
    request_id: UUID | None = None
    by_name: bool = False  # `caller` may be the name of applications, too


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """One record for a reader. `seq` None: not sequenced yet; `problem`: why it cannot be decrypted."""

    id: UUID
    seq: int | None
    at: datetime
    header: dict[str, Any]
    body: dict[str, Any]
    problem: str = ""

    @property
    def caller(self) -> str:
        return caller_of(self.body)

    @property
    def of_application(self) -> bool:
        """Return whether the caller is an application."""
        return bool(self.body.get("identity", {}).get("claim", {}).get("appid"))

    @property
    def object_id(self) -> str:
        return str(self.body.get("properties", {}).get("id", ""))


class Page(NamedTuple):
    """Some records. `reached`: the last record that was read, if there may be more after it; else None."""

    records: list[FoundRecord]
    reached: UUID | None


def search(*, what: Search, limit: int, before: UUID | None = None, after: UUID | None = None) -> Page:
    """Find up to `limit` records, newest first, older than `before` or the oldest of those newer than `after`.

    Fewer records than `limit` do not mean that there are no others.
    """
    limit, callers = min(limit, LARGEST_PAGE), _callers(what)
    found: list[FoundRecord] = []
    reached: UUID | None = None
    for _ in range(_TRIES):
        rows = _rows(what, callers, limit=limit, before=before, after=after)
        keys = load_data_keys(row["key_id"] for row in rows)
        found += [record for record in (_found(row, keys) for row in rows) if _matches(record, what, callers)]
        reached = rows[-1]["id"] if len(rows) == limit else None
        if reached is None or len(found) >= limit:
            break
        before, after = (reached, None) if after is None else (before, reached)
    if len(found) > limit:
        found = found[:limit]
        reached = found[-1].id
    _add_numbers(found)
    return Page(found[::-1] if after is not None else found, reached)


def get_record(*, record_id: UUID) -> FoundRecord:
    """Get one record. Raises `RecordNotFound`, also for one whose body is deleted."""
    found = get_records(record_ids=[record_id])
    if not found:
        raise RecordNotFound("There is no such record, or retention has deleted its body.")
    return found[record_id]


def get_records(*, record_ids: Collection[UUID]) -> dict[UUID, FoundRecord]:
    """Get records by their ids, without those whose bodies are deleted."""
    rows = select_records("e.id = ANY(%s)", [list(record_ids)])
    keys = load_data_keys(row["key_id"] for row in rows)
    found = [_found(row, keys) for row in rows]
    _add_numbers(found)
    return {record.id: record for record in found}


def histogram(
    *, log_id: UUID | None, since: datetime, until: datetime, buckets: int
) -> list[tuple[datetime, int, int]]:
    """Count (start, records, denials) in equal spans, about `buckets` of them, from the sequencer's counts by minute.

    Spans begin with a minute and last whole minutes: a count of a minute is in the span of all its records.
    """
    first = since.replace(second=0, microsecond=0)
    minutes = max(1, ceil((until - first) / timedelta(minutes=1)))
    width = timedelta(minutes=ceil(minutes / (buckets + 1)))
    counts = dict.fromkeys(range(ceil(timedelta(minutes=minutes) / width)), (0, 0))
    values: list[Any] = [first, width.total_seconds(), len(counts) - 1, first, until]
    # The database adds: a month of many logs has a million rows.
    counts |= {at: (int(total), int(refused)) for at, total, refused in _count(_HISTOGRAM, values, log_id)}
    return [(first + width * at, *count) for at, count in counts.items()]


def _callers(what: Search) -> Sequence[str]:
    """The callers of a search. A name may be that of a person and of applications: all of them are searched."""
    if not (what.by_name and what.caller):
        return [what.caller]
    return list(dict.fromkeys(name.lower() for name in (what.caller, *list_client_ids_by_name(name=what.caller))))


def _rows(
    what: Search, callers: Sequence[str], *, limit: int, before: UUID | None, after: UUID | None
) -> list[dict[str, Any]]:
    """Run one statement for each caller, so that each uses its index."""
    rows: list[dict[str, Any]] = []
    for caller in callers:
        rows += _rows_of(replace(what, caller=caller), limit=limit, before=before, after=after)
    if len(callers) > 1:
        rows.sort(key=lambda row: row["id"], reverse=after is None)
    return rows[:limit]


def _rows_of(what: Search, *, limit: int, before: UUID | None, after: UUID | None) -> list[dict[str, Any]]:
    conditions, values = _conditions(what)
    for sign, bound in (("<", before), (">", after)):
        if bound is not None:
            conditions.append(f"e.id {sign} %s")
            values.append(bound)
    where = " AND ".join(conditions) or "true"
    order = "ASC" if after is not None else "DESC"
    return select_records(f"{where} ORDER BY e.id {order} LIMIT %s", [*values, limit])


def _conditions(what: Search) -> tuple[list[str], list[Any]]:
    pairs: list[tuple[str, Any]] = [
        ("e.log_id = %s", what.log_id),
        ("e.id >= %s", min_uuid7_at(what.since.timestamp()) if what.since else None),
        ("e.id < %s", min_uuid7_at(what.until.timestamp()) if what.until else None),
        ("e.operation = %s", what.operation or None),
        ("e.caller = %s", tag_of("caller", what.caller) or None),
        ("e.object = %s", tag_of("object", subject_of(what.object)) or None),
        ("e.address = %s", tag_of("address", what.address) or None),
        ("e.request_id = %s", what.request_id),
        ("e.status = %s", int(what.status) if what.status.isdecimal() else None),
    ]
    conditions = [condition for condition, value in pairs if value is not None]
    values = [value for _, value in pairs if value is not None]
    if what.status in ("refused", "done"):
        conditions.append("e.status >= 400" if what.status == "refused" else "e.status < 400")
    return conditions, values


def _found(row: Mapping[str, Any], keys: Mapping[UUID, bytes]) -> FoundRecord:
    problem, body = "", dict[str, Any]()
    try:
        _, body = open_body(row, keys)
    except Unreadable as error:
        problem = error.message
    return FoundRecord(row["id"], None, row["at"] or _NO_TIME, shown_header(row), body, problem)


def _matches(record: FoundRecord, what: Search, callers: Sequence[str]) -> bool:
    """Check what hashes cannot: 64 bits may collide, and versions are not hashed. Damaged records match."""
    if record.problem:
        return True
    if what.caller and record.caller.lower() not in [caller.lower() for caller in callers]:
        return False
    if what.address and what.address.lower() != str(record.body.get("callerIpAddress", "")).lower():
        return False
    wanted, value = what.object.lower(), record.object_id.lower()
    return not wanted or value == wanted or value.startswith(f"{wanted}/")


def _add_numbers(found: list[FoundRecord]) -> None:
    """Fill in the numbers that the sequencer gave."""
    numbers = dict(Leaf.objects.filter(event_id__in=[record.id for record in found]).values_list("event_id", "seq"))
    found[:] = [replace(record, seq=numbers.get(record.id)) for record in found]


def as_line(record: FoundRecord) -> dict[str, Any]:
    """A record for programs: its body, with its number."""
    return {**record.body, "seq": record.seq, "recordId": str(record.id), "recorded": format_timestamp(record.at)} | (
        {"problem": record.problem, "header": record.header} if record.problem else {}
    )


def by_hour(
    *, log_id: UUID | None, since: datetime, until: datetime, zone: tzinfo
) -> dict[tuple[int, int], tuple[int, int]]:
    """Count (weekday from 1, hour) in a time zone -> (records, denials), from the sequencer's counts by minute."""
    counts: dict[tuple[int, int], tuple[int, int]] = {}
    for start, total, refused in _count(_BY_QUARTER, [since, until], log_id):
        local = datetime.fromtimestamp(start, zone)  # the database may not know all zones of Python
        before = counts.get(place := (local.isoweekday(), local.hour), (0, 0))
        counts[place] = (before[0] + int(total), before[1] + int(refused))
    return counts


def _count(statement: str, values: Sequence[Any], log_id: UUID | None) -> list[tuple[Any, ...]]:
    """Run a statement on the counts by minute, of one log or of all."""
    if log_id is None:
        return select(statement.format(""), values)
    return select(statement.format("AND log_id = %s"), [*values, log_id])
