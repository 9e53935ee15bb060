"""Review rules: they search record headers and usage counters for the items of a review campaign, which is one week.

An item's key is built from the rule and what it found, so every evaluation of a week gives the same keys.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from apps.audit_log.operation_names import Category, Operation, operations_in
from apps.audit_log.records import ORGANISATION, READABLE_TIME, format_tag
from apps.audit_reader import queries, unrecorded_changes
from apps.audit_reader.queries import FoundRecord, Search
from apps.audit_reader.review_items import MOST, ReviewItem
from apps.core.ids import min_uuid7_at
from apps.core.sql import select
from apps.domain.identity.queries import list_applications
from apps.usage.queries import first_uses

WEEK = timedelta(days=7)
BURST = 10  # denials of one caller in one log in one hour
NIGHT_BEGINS, NIGHT_ENDS = 20, 6  # UTC
STOPS = operations_in(Category.STOP)
_BURSTS = f"""
    SELECT log_id, caller, date_trunc('hour', at, 'UTC') AS hour, '', count(*), max(id::text)::uuid
    FROM audit_event WHERE id >= %s AND id < %s AND status >= 400 AND caller <> 0
    AND {READABLE_TIME}
    GROUP BY 1, 2, 3 HAVING count(*) >= {BURST} ORDER BY 5 DESC LIMIT {MOST + 1}
"""  # noqa: S608  numbers and conditions are ours
_BY_DAY = f"""
    SELECT log_id, caller, date_trunc('day', at, 'UTC') AS day, operation, count(*), max(id::text)::uuid
    FROM audit_event WHERE operation = ANY(%s) AND id >= %s AND id < %s AND phase <> 'attempt'
    AND {READABLE_TIME}
    GROUP BY 1, 2, 3, 4 ORDER BY 3 DESC, 1, 4 LIMIT {MOST + 1}
"""  # noqa: S608  numbers and conditions are ours
_AT_NIGHT = f"""
    SELECT log_id, caller, date_trunc('day', at, 'UTC') AS day, '', count(*), max(id::text)::uuid
    FROM audit_event WHERE operation = ANY(%s) AND id >= %s AND id < %s AND phase <> 'attempt' AND caller <> 0
    AND {READABLE_TIME}
    AND (extract(hour FROM at AT TIME ZONE 'UTC') NOT BETWEEN {NIGHT_ENDS} AND {NIGHT_BEGINS - 1}
         OR extract(isodow FROM at AT TIME ZONE 'UTC') > 5)
    GROUP BY 1, 2, 3 ORDER BY 3 DESC LIMIT {MOST + 1}
"""  # noqa: S608  numbers and conditions are ours


class _Rule(NamedTuple):
    """A rule that finds groups of records. `operations`: the first parameter of its statement, if it has one."""

    name: str
    statement: str
    operations: list[Operation]
    span: timedelta


@dataclass(frozen=True, slots=True)
class _Group:
    """A row of a statement: records of one log and caller in one span, and the newest of them."""

    rule: _Rule
    log_id: UUID
    caller: int
    begin: datetime
    operation: str
    count: int
    newest: UUID


_GROUPED = (
    _Rule("reveal", _BY_DAY, operations_in(Category.REVEAL), timedelta(days=1)),
    _Rule("policy", _BY_DAY, operations_in(Category.POLICY), timedelta(days=1)),
    _Rule("burst", _BURSTS, [], timedelta(hours=1)),
    _Rule("night", _AT_NIGHT, operations_in(Category.STOP, Category.POLICY, Category.MANAGEMENT), timedelta(days=1)),
)
RULES = ("unrecorded", "stop", *(rule.name for rule in _GROUPED), "first")


def week_of(moment: datetime) -> date:
    """The Monday of a campaign, in UTC."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def list_items(*, week: date, only: str | None = None) -> list[ReviewItem]:
    """List what the rules find in a week, the most severe rule first; `only`: of one rule."""
    since = datetime(week.year, week.month, week.day, tzinfo=UTC)
    until = since + WEEK
    bounds = [min_uuid7_at(since.timestamp()), min_uuid7_at(until.timestamp())]
    rules = {name for name in RULES if only in (None, name)}
    items = unrecorded_changes.list_items(since, until) if "unrecorded" in rules else []
    items += [_of_record("stop", record) for record in _records(STOPS, since, until)] if "stop" in rules else []
    groups = [group for rule in _GROUPED if rule.name in rules for group in _groups(rule, bounds)]
    records = queries.get_records(record_ids={group.newest for group in groups})  # all at once: there may be hundreds
    items += [_of_group(group, records[group.newest]) for group in groups if group.newest in records]  # else deleted
    return items + (_first_timers(since, until) if "first" in rules else [])


def _records(operations: Iterable[str], since: datetime, until: datetime) -> list[FoundRecord]:
    records: list[FoundRecord] = []
    for operation in operations:
        what = Search(operation=operation, since=since, until=until)
        page = queries.search(what=what, limit=MOST + 1)
        records += [record for record in page.records if record.header["phase"] != "attempt"]
    return sorted(records, key=lambda record: record.at, reverse=True)[: MOST + 1]


def _of_record(rule: str, record: FoundRecord) -> ReviewItem:
    second = timedelta(seconds=1)
    return ReviewItem(
        key=f"{rule}:{record.id}",
        rule=rule,
        log_id=UUID(record.header["log"]),
        at=record.at,
        count=1,
        caller=record.caller,
        of_application=record.of_application,
        object=record.object_id,
        operation=record.header["operation"],
        since=record.at - second,
        until=record.at + second,
    )


def _groups(rule: _Rule, bounds: Sequence[object]) -> list[_Group]:
    """Find one group for each log, caller and span; also for each operation, if the rule has operations."""
    values = [*([rule.operations] if rule.operations else []), *bounds]
    return [_Group(rule, *row) for row in select(rule.statement, values)]


def _of_group(group: _Group, record: FoundRecord) -> ReviewItem:
    rule, begin, operation = group.rule, group.begin, group.operation
    when = f"{operation}:{begin:%Y-%m-%d}" if operation else f"{begin:%Y-%m-%dT%H}"
    return ReviewItem(
        key=f"{rule.name}:{group.log_id}:{format_tag(group.caller)}:{when}",
        rule=rule.name,
        log_id=group.log_id,
        at=record.at,
        count=group.count,
        caller=record.caller,
        of_application=record.of_application,
        object=record.object_id if operation and group.count == 1 else "",
        operation=operation,
        since=begin,
        until=begin + rule.span,
        status="refused" if rule.name == "burst" else "",
    )


def _first_timers(since: datetime, until: datetime) -> list[ReviewItem]:
    minute, applications = timedelta(minutes=1), {row.user_id for row in list_applications()}
    return [
        ReviewItem(
            key=f"first:{vault_id}:{caller_id}",
            rule="first",
            log_id=vault_id or ORGANISATION,
            at=first,
            count=1,
            caller=caller,
            of_application=caller_id in applications,
            object="",
            operation="",
            since=first - minute,
            until=first + minute,
        )
        for vault_id, caller_id, caller, first in first_uses(since=since, until=until, limit=MOST + 1)
        if caller_id.int  # not the system itself
    ]
