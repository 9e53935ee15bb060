"""Stalled processes of the audit log: no record is numbered and signed, or none is verified again.

Derived from the waiting records, not from what a process reported: a process that hangs reports nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from apps.audit_log.models import Cursor
from apps.audit_log.records import READABLE_TIME
from apps.audit_log.sequencer import NOBODY, oldest_searched_id
from apps.audit_reader import stall_thresholds
from apps.audit_reader.stall_thresholds import Thresholds
from apps.core.sql import select, select_value

MOST = 10_000  # waiting records that are counted
# As the sequencer selects its next records (apps/audit_log/sequencer.py), by the same index.
_WAITING = f"""
    SELECT w.log_id, min(w.at), count(*) FROM (
        SELECT log_id, at FROM audit_event WHERE (xid, id) > (%s::text::xid8, %s::uuid) AND id > %s::uuid
        AND id >= %s::uuid AND {READABLE_TIME} ORDER BY xid, id LIMIT {MOST}
    ) w GROUP BY 1
"""  # noqa: S608  a number and a condition of ours
# Before the first verification, the age of the oldest log counts.
_LOOKED = "SELECT coalesce((SELECT max(looked) FROM audit_verification), (SELECT min(newest) FROM audit_log))"


@dataclass(frozen=True, slots=True)
class Backlog:
    """The records of one log that have no number yet."""

    since: datetime  # when the oldest was made
    records: int


@dataclass(frozen=True, slots=True)
class StalledProcess:
    """A process that does not make progress."""

    since: datetime
    level: str
    records: int = 0


def count_unsequenced(*, now: datetime) -> dict[UUID, Backlog]:
    """Count by log the records that are not sequenced, at most `MOST` in all."""
    place = Cursor.objects.filter(pk=1).first() or Cursor(pk=1, xid=0, event_id=NOBODY, since=NOBODY)
    values = [str(place.xid), place.event_id, place.since, oldest_searched_id(place, now)]
    return {log_id: Backlog(since, count) for log_id, since, count in select(_WAITING, values)}


def numbering(waiting: Mapping[UUID, Backlog], *, now: datetime) -> StalledProcess | None:
    """Return the sequencer if records wait for it too long."""
    since = min((row.since for row in waiting.values()), default=None)
    return _stalled(since, stall_thresholds.NUMBERING, now, sum(row.records for row in waiting.values()))


def checking(*, now: datetime) -> StalledProcess | None:
    """Return the continuous verification if it has verified nothing for too long."""
    return _stalled(
        select_value(_LOOKED), stall_thresholds.checking(timedelta(seconds=settings.AUDIT_CHECK_SECONDS)), now
    )


def _stalled(since: datetime | None, thresholds: Thresholds, now: datetime, records: int = 0) -> StalledProcess | None:
    level = stall_thresholds.level_of(since, thresholds, now=now)
    return StalledProcess(since, level, records) if since is not None and level != "ok" else None
