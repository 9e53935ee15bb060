"""Review rule: changes without an audit record, and sessions without a sign-in (decision 0022).

A process writes each change together with its record. A row without one was written by SQL: by somebody with the
database role of a process, or by a person with the owner's.
"""

from datetime import datetime, timedelta

from apps.audit_log.records import ORGANISATION, READABLE_TIME, sanitize_text, subject_of
from apps.audit_log.sealing import tag_of
from apps.audit_reader.models import UnrecordedChange
from apps.audit_reader.review_items import MOST, ReviewItem
from apps.core.ids import min_uuid7_at
from apps.core.sql import select

# A session is opened within seconds of the record of its sign-in, and renewed when a password is changed.
_NEAR = timedelta(minutes=10)
_SESSIONS = f"""
    SELECT s.id, s.created_at, u.username FROM usersessions_usersession s JOIN identity_user u ON u.id = s.user_id
    WHERE s.created_at >= %s AND s.created_at < %s ORDER BY s.created_at DESC LIMIT {20 * MOST}
"""  # noqa: S608  a number of ours
_RECORDS = f"""
    SELECT object, at FROM audit_event WHERE id >= %s AND id < %s AND object = ANY(%s) AND log_id = %s
    AND status < 400 AND {READABLE_TIME}
"""  # noqa: S608  a condition of ours
_OLDEST = f"SELECT min(at) FROM audit_event WHERE log_id = %s AND {READABLE_TIME}"  # noqa: S608  a condition of ours


def list_items(since: datetime, until: datetime) -> list[ReviewItem]:
    """List what was written without a record in this time, the newest first."""
    rows = UnrecordedChange.objects.filter(at__gte=since, at__lt=until).order_by("-at", "-pk")[: MOST + 1]
    changes = [
        _item(row.at, f"{row.relation}:{row.row_id}:{row.pk}", row.role, row.relation, row.row_id) for row in rows
    ]
    return (changes + _sessions(since, until))[: MOST + 1]


def _sessions(since: datetime, until: datetime) -> list[ReviewItem]:
    """Find the open sessions of people about whom the log has no record near the session's begin."""
    sessions = select(_SESSIONS, [since, until])
    if not sessions:
        return []
    tags = {name: tag_of("object", subject_of(sanitize_text(f"people/{name}"))) for _, _, name in sessions}
    bounds = [min_uuid7_at((since - _NEAR).timestamp()), min_uuid7_at((until + _NEAR).timestamp())]
    records: dict[int, list[datetime]] = {}
    for tag, at in select(_RECORDS, [*bounds, list(tags.values()), ORGANISATION]):
        records.setdefault(tag, []).append(at)
    ((oldest,),) = select(_OLDEST, [ORGANISATION])  # older records may have been deleted by retention
    return [
        _item(created, f"session:{pk}", name, "usersessions_usersession", str(pk))
        for pk, created, name in sessions
        if oldest is not None
        and created > oldest + _NEAR
        and not any(abs(created - at) <= _NEAR for at in records.get(tags[name], []))
    ]


def _item(at: datetime, key: str, caller: str, relation: str, row_id: str) -> ReviewItem:
    minute = timedelta(minutes=1)
    return ReviewItem(
        key=f"unrecorded:{key}",
        rule="unrecorded",
        log_id=ORGANISATION,
        at=at,
        count=1,
        caller=caller,
        of_application=False,
        object=f"{relation}/{row_id}",
        operation="",
        since=at - minute,
        until=at + minute,
    )
