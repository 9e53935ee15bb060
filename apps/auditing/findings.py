"""What wants a look: rules over headers and counters give the items of a review campaign, which is a week.

An item's key says which rule found what, so that it is the same item whenever and by whomever the week is looked at.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from django.db import connection

from apps.audit.events import ORGANISATION
from apps.auditing import queries
from apps.auditing.queries import Found, RecordNotFound, Search
from apps.core.ids import floor_of
from apps.usage.queries import first_uses

WEEK = timedelta(days=7)
BURST = 10  # refusals of one caller in one log in one hour
MOST = 100  # items of one rule; one more is asked for, to know that there are more
NIGHT_BEGINS, NIGHT_ENDS = 20, 6  # UTC
STOPS = (
    *("VaultFreeze", "VaultUnfreeze", "VaultHold", "VaultRelease"),
    *("ApplicationDisable", "ApplicationEnable", "PersonDisable", "PersonEnable"),
)
REVEALS = ("SecretReveal",)
POLICY = (
    *("RoleAssignmentWrite", "RoleAssignmentDelete", "GroupMemberPut", "GroupMemberDelete", "GroupDelete"),
    *("PersonPut", "InvitationPut", "AttestationAuthorityTrust", "KeyReleaseStatement"),
    *("VaultPatch", "LogDestinationPut", "LogDestinationDelete", "LogRetentionPut"),
)
_MANAGEMENT = (
    *STOPS,
    *POLICY,
    *("VaultPut", "ApplicationPut", "ApprovalDecide", "RolloverBegin"),
    *("ApplicationSecretPut", "ApplicationCertificatePut", "ApplicationTrustPut"),
    *("KeyPurge", "SecretPurge", "CertificatePurge"),
)
_BURSTS = f"""
    SELECT log_id, caller, date_trunc('hour', at, 'UTC') AS hour, '', count(*), max(id::text)::uuid
    FROM audit_event WHERE id >= %s AND id < %s AND status >= 400 AND caller <> 0
    GROUP BY 1, 2, 3 HAVING count(*) >= {BURST} ORDER BY 5 DESC LIMIT {MOST + 1}
"""  # noqa: S608  numbers are ours
_BY_DAY = f"""
    SELECT log_id, caller, date_trunc('day', at, 'UTC') AS day, operation, count(*), max(id::text)::uuid
    FROM audit_event WHERE operation = ANY(%s) AND id >= %s AND id < %s AND phase <> 'attempt'
    GROUP BY 1, 2, 3, 4 ORDER BY 3 DESC, 1, 4 LIMIT {MOST + 1}
"""  # noqa: S608  numbers are ours
_AT_NIGHT = f"""
    SELECT log_id, caller, date_trunc('day', at, 'UTC') AS day, '', count(*), max(id::text)::uuid
    FROM audit_event WHERE operation = ANY(%s) AND id >= %s AND id < %s AND phase <> 'attempt' AND caller <> 0
    AND (extract(hour FROM at AT TIME ZONE 'UTC') NOT BETWEEN {NIGHT_ENDS} AND {NIGHT_BEGINS - 1}
         OR extract(isodow FROM at AT TIME ZONE 'UTC') > 5)
    GROUP BY 1, 2, 3 ORDER BY 3 DESC LIMIT {MOST + 1}
"""  # noqa: S608  numbers are ours


@dataclass(frozen=True, slots=True)
class Item:
    """Something to look at. `since` to `until`, `operation`, `status`: where its evidence is, for the explorer."""

    key: str
    rule: str  # stop, reveal, policy, burst, first, night
    log_id: UUID
    at: datetime
    count: int
    caller: str
    object: str
    operation: str
    since: datetime
    until: datetime
    status: str = ""


def week_of(moment: datetime) -> date:
    """The Monday of a campaign, in UTC."""
    day = moment.astimezone(UTC).date()
    return day - timedelta(days=day.weekday())


def list_items(*, week: date) -> list[Item]:
    """Everything that the rules find in a week, the gravest rule first."""
    since = datetime(week.year, week.month, week.day, tzinfo=UTC)
    until = since + WEEK
    bounds = [floor_of(since.timestamp()), floor_of(until.timestamp())]
    found = [_of_record("stop", record) for record in _records(STOPS, since, until)]
    found += _grouped("reveal", _BY_DAY, [list(REVEALS), *bounds], timedelta(days=1))
    found += _grouped("policy", _BY_DAY, [list(POLICY), *bounds], timedelta(days=1))
    found += _grouped("burst", _BURSTS, bounds, timedelta(hours=1))
    found += _grouped("night", _AT_NIGHT, [list(_MANAGEMENT), *bounds], timedelta(days=1))
    return found + _first_timers(since, until)


def _records(operations: Iterable[str], since: datetime, until: datetime) -> list[Found]:
    found: list[Found] = []
    for operation in operations:
        what = Search(operation=operation, since=since, until=until)
        found += [record for record in queries.search(what=what, limit=MOST + 1) if record.header["phase"] != "attempt"]
    return sorted(found, key=lambda record: record.at, reverse=True)[: MOST + 1]


def _of_record(rule: str, record: Found) -> Item:
    second = timedelta(seconds=1)
    return Item(
        key=f"{rule}:{record.id}",
        rule=rule,
        log_id=UUID(record.header["log"]),
        at=record.at,
        count=1,
        caller=record.caller,
        object=record.object_id,
        operation=record.header["operation"],
        since=record.at - second,
        until=record.at + second,
    )


def _hex(tag: int) -> str:
    """A hashed name as headers show it."""
    return f"{tag & 0xFFFF_FFFF_FFFF_FFFF:016x}"


def _grouped(rule: str, statement: str, values: Sequence[object], span: timedelta) -> list[Item]:
    """One item for each log, caller and span; for each operation too where the statement names them."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)  # type: ignore[arg-type]  # lists are arrays
        rows = cursor.fetchall()
    found = []
    for log_id, tag, begin, operation, count, newest in rows:
        try:
            record = queries.get_record(record_id=newest)
        except RecordNotFound:  # retention was faster
            continue
        when = f"{operation}:{begin:%Y-%m-%d}" if operation else f"{begin:%Y-%m-%dT%H}"
        found.append(
            Item(
                key=f"{rule}:{log_id}:{_hex(tag)}:{when}",
                rule=rule,
                log_id=log_id,
                at=record.at,
                count=count,
                caller=record.caller,
                object=record.object_id if operation and count == 1 else "",
                operation=operation,
                since=begin,
                until=begin + span,
                status="refused" if rule == "burst" else "",
            )
        )
    return found


def _first_timers(since: datetime, until: datetime) -> list[Item]:
    minute = timedelta(minutes=1)
    return [
        Item(
            key=f"first:{vault_id}:{caller_id}",
            rule="first",
            log_id=vault_id or ORGANISATION,
            at=first,
            count=1,
            caller=caller,
            object="",
            operation="",
            since=first - minute,
            until=first + minute,
        )
        for vault_id, caller_id, caller, first in first_uses(since=since, until=until, limit=MOST + 1)
        if caller_id.int  # not the system itself
    ]
