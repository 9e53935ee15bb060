"""Since when nothing was done for the log: no record numbered and signed, none looked at again.

Told from what waits, not from what whoever should be at work has left behind: a process that hangs takes nothing back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from apps.audit_log.models import Cursor
from apps.audit_log.sequencer import NOBODY, recent
from apps.audit_reader import rules
from apps.audit_reader.rules import Thresholds

MOST = 10_000  # of waiting records; beyond it, they are only said to be more
# As the sequencer asks for its next records (apps/audit_log/sequencer.py), and so by the same index.
_WAITING = f"""
    SELECT w.log_id, min(w.at), count(*) FROM (
        SELECT log_id, at FROM audit_event WHERE (xid, id) > (%s::text::xid8, %s::uuid) AND id > %s::uuid
        AND id >= %s::uuid ORDER BY xid, id LIMIT {MOST}
    ) w GROUP BY 1
"""  # noqa: S608  a number of ours
# Before the first look of all, what is there to look at is what counts.
_LOOKED = "SELECT coalesce((SELECT max(looked) FROM audit_verification), (SELECT min(newest) FROM audit_log))"


@dataclass(frozen=True, slots=True)
class Backlog:
    """Records of one log that have no number yet."""

    since: datetime  # when the oldest was made
    records: int


@dataclass(frozen=True, slots=True)
class StalledProcess:
    """Something that should go on and does not."""

    since: datetime
    level: str
    records: int = 0


def count_unsequenced(*, now: datetime) -> dict[UUID, Backlog]:
    """By log, what the sequencer has not come to; at most `MOST` records are counted."""
    place = Cursor.objects.filter(pk=1).first() or Cursor(pk=1, xid=0, event_id=NOBODY, since=NOBODY)
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [str(place.xid), place.event_id, place.since, recent(place, now)])
        return {log_id: Backlog(since, count) for log_id, since, count in cursor.fetchall()}


def numbering(waiting: Mapping[UUID, Backlog], *, now: datetime) -> StalledProcess | None:
    """The sequencer, when records wait for it too long."""
    since = min((row.since for row in waiting.values()), default=None)
    return _standing(since, rules.NUMBERING, now, sum(row.records for row in waiting.values()))


def checking(*, now: datetime) -> StalledProcess | None:
    """The server's own check of all logs, when it has looked at none for too long."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOKED)
        since = cursor.fetchone()[0]
    return _standing(since, verification_thresholds(), now)


def verification_thresholds() -> Thresholds:
    """By how often this installation looks."""
    return rules.checking(timedelta(seconds=settings.AUDIT_CHECK_SECONDS))


def _standing(since: datetime | None, patience: Thresholds, now: datetime, records: int = 0) -> StalledProcess | None:
    level = rules.level_of(since, patience, now=now)
    return StalledProcess(since, level, records) if since is not None and level != "ok" else None
