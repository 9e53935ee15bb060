"""Usage counters beside the audit record: in memory, and once a second into three tables.

A row for each use would be written a thousand times a second by every worker, each waiting for the other's commit.
Gathered, a busy worker writes a few rows a second. A process that is killed loses at most the last second's counts;
the records themselves are in the audit log (docs/decisions/0011-usage-counters.md).
"""

import atexit
import logging
import threading
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import Error as DatabaseError
from django.db import connection, transaction

from apps.core.ids import uuid7
from apps.usage.models import Denial

FLUSH_SECONDS = 1.0
_MAX_DENIALS, _MAX_ANONYMOUS_DENIALS = 500, 20  # of each second; a flood must not fill the table
_MAX_DENIED_NAMES = 20  # of a caller in one second; more are counted by kind, for names are unlimited
_MAX_COUNTS = 50_000  # distinct counts in one second; more are not counted

# Ordered by the unique key, so that two processes lock rows in the same order and never deadlock.
_USES = """
    INSERT INTO usage_usecount AS known
        (id, caller_id, caller, vault_id, object_id, operation, done, refused, first, last)
    SELECT id, caller_id, caller, vault_id, object_id, operation, done, refused, at, at FROM json_to_recordset(%s::json)
        AS use (id uuid, caller_id uuid, caller text, vault_id uuid, object_id text, operation text, done bigint,
                refused bigint, at timestamptz)
    ORDER BY vault_id, object_id, operation, caller_id
    ON CONFLICT (vault_id, object_id, operation, caller_id) DO UPDATE SET done = known.done + excluded.done,
        refused = known.refused + excluded.refused, last = greatest(known.last, excluded.last)
"""
_MINUTES = """
    INSERT INTO usage_minutecount AS known (id, vault_id, minute, done, refused, failed)
    SELECT id, vault_id, minute, done, refused, failed FROM json_to_recordset(%s::json)
        AS counted (id uuid, vault_id uuid, minute timestamptz, done bigint, refused bigint, failed bigint)
    ORDER BY minute, vault_id
    ON CONFLICT (minute, vault_id) DO UPDATE SET done = known.done + excluded.done,
        refused = known.refused + excluded.refused, failed = known.failed + excluded.failed
"""
_HOURS = """
    INSERT INTO usage_hourcount AS known (id, caller_id, caller, hour, done, refused)
    SELECT id, caller_id, caller, hour, done, refused FROM json_to_recordset(%s::json)
        AS counted (id uuid, caller_id uuid, caller text, hour timestamptz, done bigint, refused bigint)
    ORDER BY hour, caller_id
    ON CONFLICT (hour, caller_id) DO UPDATE SET done = known.done + excluded.done,
        refused = known.refused + excluded.refused
"""

logger = logging.getLogger(__name__)


class Use(NamedTuple):
    """One operation of an audit record."""

    at: datetime
    vault_id: UUID
    caller_id: UUID | None
    caller: str
    object_id: str
    operation: str
    status: int


class _Tally:
    """Counts since the last flush."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uses: dict[tuple[UUID, str, str, UUID], list[Any]] = {}  # -> [caller, done, refused, last]
        self._minutes: dict[tuple[datetime, UUID], list[int]] = {}  # -> [done, refused, failed]
        self._denied_names: Counter[UUID] = Counter()  # by caller: names with denials only
        self._denials: dict[UUID | None, list[Denial]] = {}  # by caller
        self._thread: threading.Thread | None = None

    def add(self, uses: Iterable[Use]) -> None:
        with self._lock:
            for use in uses:
                self._add(use)
            self._start()

    def add_denial(self, row: Denial) -> None:
        with self._lock:
            rows = self._denials.setdefault(row.caller_id, [])
            if len(rows) < _MAX_ANONYMOUS_DENIALS if row.caller_id is None else self._make_room(rows):
                rows.append(row)
            self._start()

    def _make_room(self, rows: list[Denial]) -> bool:
        """Make room for one more denial of a caller, at the cost of the caller with the most. False: there is none."""
        known = [others for caller, others in self._denials.items() if caller is not None]
        if sum(map(len, known)) < _MAX_DENIALS:
            return True
        most = max(known, key=len)
        if len(most) <= len(rows) + 1:
            return False
        most.pop()
        return True

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
            self._thread.start()

    def _add(self, use: Use) -> None:
        failed, refused = use.status >= 500, 400 <= use.status < 500
        minute = self._minutes.setdefault((use.at.replace(second=0, microsecond=0), use.vault_id), [0, 0, 0])
        minute[2 if failed else 1 if refused else 0] += 1
        if use.caller_id is None or failed:
            return
        key = (use.vault_id, use.object_id, use.operation, use.caller_id)
        if refused and key not in self._uses:
            self._denied_names[use.caller_id] += 1
            if self._denied_names[use.caller_id] > _MAX_DENIED_NAMES:
                key = (use.vault_id, use.object_id.partition("/")[0], use.operation, use.caller_id)
        if key not in self._uses and len(self._uses) >= _MAX_COUNTS:
            return
        count = self._uses.setdefault(key, [use.caller, 0, 0, use.at])
        count[2 if refused else 1] += 1
        count[3] = max(count[3], use.at)

    def flush(self) -> None:
        """Write the counts. After a database error they wait for the next flush."""
        with self._lock:
            uses, self._uses = self._uses, {}
            minutes, self._minutes = self._minutes, {}
            denials, self._denials = [row for rows in self._denials.values() for row in rows], {}
            self._denied_names.clear()
        if uses or minutes:
            try:
                with transaction.atomic():
                    _write(uses, minutes)
            except DatabaseError:
                connection.close()
                self._put_back(uses, minutes)
        if denials:
            try:
                Denial.objects.bulk_create(denials)
            except DatabaseError:  # lost: their records are in the audit log
                connection.close()

    def clear(self) -> None:
        """Drop the counts that are not written yet."""
        with self._lock:
            self._uses, self._minutes, self._denials = {}, {}, {}
            self._denied_names.clear()

    def _put_back(self, uses: dict[Any, list[Any]], minutes: dict[Any, list[int]]) -> None:
        with self._lock:
            for key, (caller, done, refused, last) in uses.items():
                count = self._uses.setdefault(key, [caller, 0, 0, last])
                count[1:] = [count[1] + done, count[2] + refused, max(count[3], last)]
            for minute, counts in minutes.items():
                known = self._minutes.setdefault(minute, [0, 0, 0])
                known[:] = [a + b for a, b in zip(known, counts, strict=True)]

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(FLUSH_SECONDS)
            try:
                self.flush()
            except Exception:
                logger.exception("The usage counters could not be written")


def _write(uses: dict[Any, list[Any]], minutes: dict[Any, list[int]]) -> None:
    with connection.cursor() as cursor:
        if uses:
            cursor.execute(_USES, [orjson.dumps([_use_row(key, count) for key, count in uses.items()]).decode()])
            cursor.execute(_HOURS, [orjson.dumps(_hour_rows(uses)).decode()])
        if minutes:
            rows = [
                {
                    "id": uuid7(),
                    "minute": at,
                    "vault_id": vault,
                    "done": count[0],
                    "refused": count[1],
                    "failed": count[2],
                }
                for (at, vault), count in minutes.items()
            ]
            cursor.execute(_MINUTES, [orjson.dumps(rows).decode()])


def _hour_rows(uses: dict[tuple[UUID, str, str, UUID], list[Any]]) -> list[dict[str, Any]]:
    """Sum the counts by caller; at the turn of an hour they belong to the hour of the last use."""
    rows: dict[tuple[datetime, UUID], dict[str, Any]] = {}
    for (_, _, _, caller_id), (caller, done, refused, last) in uses.items():
        hour = last.replace(minute=0, second=0, microsecond=0)
        new = {"id": uuid7(), "caller_id": caller_id, "caller": caller, "hour": hour, "done": 0, "refused": 0}
        row = rows.setdefault((hour, caller_id), new)
        row["done"] += done
        row["refused"] += refused
    return list(rows.values())


def _use_row(key: tuple[UUID, str, str, UUID], count: list[Any]) -> dict[str, Any]:
    vault_id, object_id, operation, caller_id = key
    names = {"vault_id": vault_id, "object_id": object_id, "operation": operation, "caller_id": caller_id}
    return {"id": uuid7(), **names, "caller": count[0], "done": count[1], "refused": count[2], "at": count[3]}


_tally = _Tally()
add = _tally.add
add_denial = _tally.add_denial
flush = _tally.flush
clear = _tally.clear
atexit.register(flush)
