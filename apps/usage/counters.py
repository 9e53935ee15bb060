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

from apps.core import movable_clock
from apps.core.ids import uuid7
from apps.usage.models import Denial

FLUSH_SECONDS = 1.0
_MAX_DENIALS, _MAX_ANONYMOUS_DENIALS = 500, 20  # of each second; a flood must not fill the table
_MAX_DENIED_NAMES = 20  # of a caller in one second; more are counted by kind, for names are unlimited
_MAX_COUNTS = 50_000  # distinct counts in one second; more are not counted

logger = logging.getLogger(__name__)


def _add_to(table: str, key: str, *sums: str, more: str = "") -> str:
    """The statement that adds JSON rows of a table to those with the same unique key.

    Ordered by that key, so that two processes lock rows in the same order and never deadlock.
    """
    changes = ", ".join(f"{name} = known.{name} + excluded.{name}" for name in sums) + more
    return (
        f"INSERT INTO {table} AS known SELECT * FROM json_populate_recordset(NULL::{table}, %s::json) "  # noqa: S608  ours
        f"ORDER BY {key} ON CONFLICT ({key}) DO UPDATE SET {changes}"
    )


_USES = _add_to(
    "usage_usecount",
    "vault_id, object_id, operation, caller_id",
    "done",
    "refused",
    "would_fail",
    more=", last = greatest(known.last, excluded.last)",
)
_MINUTES = _add_to("usage_minutecount", "minute, vault_id", "done", "refused", "failed")
_HOURS = _add_to("usage_hourcount", "hour, caller_id", "done", "refused")
_Rows = dict[Any, dict[str, Any]]  # rows of a table by what they count


class Use(NamedTuple):
    """One operation of an audit record."""

    at: datetime
    vault_id: UUID
    caller_id: UUID | None
    caller: str
    object_id: str
    operation: str
    status: int
    would_fail: bool = False  # it succeeded during a rehearsal of the version's retirement


class _Tally:
    """Counts since the last flush."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uses: _Rows = {}
        self._minutes: _Rows = {}
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
        result = "failed" if use.status >= 500 else "refused" if use.status >= 400 else "done"
        at, vault_id, caller_id, object_id = use.at, use.vault_id, use.caller_id, use.object_id
        minute = at.replace(second=0, microsecond=0)
        in_vault = (minute, vault_id.int)  # the number of an id has a faster hash than the id
        if (row := self._minutes.get(in_vault)) is None:
            row = {"id": uuid7(), "minute": minute, "vault_id": vault_id, "done": 0, "refused": 0, "failed": 0}
            self._minutes[in_vault] = row
        row[result] += 1
        if caller_id is None or result == "failed":
            return
        key = (vault_id.int, object_id, use.operation, caller_id.int)
        if result == "refused" and key not in self._uses:
            self._denied_names[caller_id] += 1
            if self._denied_names[caller_id] > _MAX_DENIED_NAMES:
                object_id = object_id.partition("/")[0]
                key = (vault_id.int, object_id, use.operation, caller_id.int)
        if (row := self._uses.get(key)) is None:
            if len(self._uses) >= _MAX_COUNTS:
                return
            names = {"vault_id": vault_id, "object_id": object_id, "operation": use.operation, "caller_id": caller_id}
            row = {"id": uuid7(), **names, "caller": use.caller, "done": 0, "refused": 0, "would_fail": 0, "last": at}
            self._uses[key] = row
        row[result] += 1
        row["would_fail"] += use.would_fail
        row["last"] = max(row["last"], at)

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

    def _put_back(self, uses: _Rows, minutes: _Rows) -> None:
        with self._lock:
            for rows, unwritten in ((self._uses, uses), (self._minutes, minutes)):
                for key, row in unwritten.items():
                    known = rows.setdefault(key, row)
                    if known is not row:
                        for name in known.keys() & {"done", "refused", "failed", "would_fail"}:
                            known[name] += row[name]

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(FLUSH_SECONDS)
            try:
                self.flush()
            except Exception:
                logger.exception("The usage counters could not be written")


def _write(uses: _Rows, minutes: _Rows) -> None:
    # Rollovers compare the last use of a version with times of objects. Hours and minutes are of the machine.
    moved = movable_clock.offset()
    used = [{**row, "first": row["last"] + moved, "last": row["last"] + moved} for row in uses.values()]
    with connection.cursor() as cursor:
        for statement, rows in ((_USES, used), (_HOURS, _hour_rows(uses)), (_MINUTES, list(minutes.values()))):
            if rows:
                cursor.execute(statement, [orjson.dumps(rows).decode()])


def _hour_rows(uses: _Rows) -> list[dict[str, Any]]:
    """Sum the counts by caller; at the turn of an hour they belong to the hour of the last use."""
    rows: _Rows = {}
    for use in uses.values():
        hour, caller_id = use["last"].replace(minute=0, second=0, microsecond=0), use["caller_id"]
        names = {"caller_id": caller_id, "caller": use["caller"], "hour": hour}
        row = rows.setdefault((hour, caller_id), {"id": uuid7(), **names, "done": 0, "refused": 0})
        row["done"] += use["done"]
        row["refused"] += use["refused"]
    return list(rows.values())


_tally = _Tally()
add = _tally.add
add_denial = _tally.add_denial
flush = _tally.flush
clear = _tally.clear
atexit.register(flush)
