"""Each rule of the review queue finds what it is for, with where its records are, and nothing of what is in order."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.keyvault.secrets import SecretClient

from apps.audit_log.operation_names import Category, operations_in
from apps.audit_reader.review_rules import BURST, STOPS
from tests.support.counts import wait_counted
from tests.support.management import vault_name
from tests.support.written_logs import as_auditor, write

pytestmark = pytest.mark.stack

POLICY = operations_in(Category.POLICY)

LIST = """
import json
from apps.audit_reader import review_rules
from apps.core.clock import now
items = review_rules.list_items(week=review_rules.week_of(now()))
print(json.dumps([
    [item.rule, item.caller, item.operation, item.object, item.count, item.status, item.since.isoformat(),
     item.until.isoformat(), item.of_application] for item in items if str(item.log_id) == sys.argv[1]
]))
"""

ASK = """
from django.db import connection
from django.test.utils import CaptureQueriesContext
from apps.audit_reader import review_rules
from apps.core.clock import now
counts = []
for only in (None, "policy"):
    with CaptureQueriesContext(connection) as asked:
        review_rules.list_items(week=review_rules.week_of(now()), only=only)
    counts.append(len(asked))
print(*counts)
"""
SIGN = """
from django.db import connection
from django.test.utils import CaptureQueriesContext
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.audit_reader import review_rules, reviews
from apps.core.clock import now
week = review_rules.week_of(now())
key = next(item.key for item in review_rules.list_items(week=week) if str(item.log_id) == sys.argv[1])
grant = system_grant(Permission.AUDIT_REVIEW, origin="tests")
with CaptureQueriesContext(connection) as asked:
    signed = reviews.sign(grant=grant, week=week, key=key, verdict="ok", note="", now=now())
print(signed.item == key, sum("FROM audit_event" in query["sql"] for query in asked))
"""


def monday():
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=today.weekday())


def written(records, who=None):
    """A log of its own with these records: (operation, status, object, hour of Monday)."""
    log = uuid.uuid4()
    rows = [(operation, status, name, monday() + timedelta(hours=hour)) for operation, status, name, hour in records]
    write(log, rows, vault="reviewed", caller=who or f"reviewer-{uuid.uuid4().hex[:8]}", role="OWNER")
    return log


def found(records, who=None):
    """What the rules find in a log of its own; but that the caller is new there, which has a test of its own."""
    log = written(records, who)
    return [item for item in json.loads(as_auditor(LIST, log)) if item[0] != "first"]


def counted():
    """How often the database is asked for the whole queue, and for the items of one rule."""
    return [int(count) for count in as_auditor(ASK).split()]


def test_the_database_is_asked_as_often_for_twenty_items_as_for_two():
    written([("GroupMemberPut", 200, "a", hour) for hour in (10, 34)])
    few = counted()
    written([(operation, 200, "a", hour) for operation in POLICY[:9] for hour in (10, 34)])
    assert counted() == few
    assert few[1] == 3  # the rule's groups, their records, the records' places; the data keys are known by then


def test_a_signature_runs_the_rule_of_its_item_alone():
    log = written([("GroupMemberPut", 200, "a", 10)])
    assert as_auditor(SIGN, log) == "True 2"  # the rule's groups, their records


def test_each_stop_is_an_item_of_its_own():
    items = found([(operation, 200, name, 10) for operation in STOPS for name in "ab"])
    assert {item[0] for item in items} == {"stop"}
    assert sorted((item[2], item[3]) for item in items) == sorted((stop, name) for stop in STOPS for name in "ab")


def test_changes_and_reveals_of_a_day_are_one_item():
    items = found([(operation, 200, "a", hour) for operation in (*POLICY, "SecretReveal") for hour in (10, 11)])
    rules = {item[2]: item[0] for item in items}
    assert rules == {**dict.fromkeys(POLICY, "policy"), "SecretReveal": "reveal"}
    day = (monday().isoformat(), (monday() + timedelta(days=1)).isoformat())
    assert {(item[4], item[6], item[7]) for item in items} == {(2, *day)}


def test_however_many_changes_a_day_had_they_are_counted_and_no_day_is_lost():
    changes = [("RoleAssignmentWrite", 200, "a", hour) for hour in [10] * 130 + [34]]
    items = found(changes)
    assert sorted((item[0], item[4], item[6]) for item in items) == [
        ("policy", 1, (monday() + timedelta(days=1)).isoformat()),
        ("policy", 130, monday().isoformat()),
    ]


def test_a_burst_is_of_one_caller_in_one_hour():
    assert found([("SecretGet", 403, f"secrets/s{n}", 10) for n in range(BURST - 1)]) == []
    assert found([("SecretGet", 403, f"secrets/s{n}", 10 + n % 2) for n in range(2 * (BURST - 1))]) == []
    (item,) = found([("SecretGet", 403, f"secrets/s{n}", 10) for n in range(BURST)], who="bursting")
    assert (item[0], item[1], item[4], item[5]) == ("burst", "bursting", BURST, "refused")


@pytest.mark.parametrize(("hour", "there"), [(5, True), (6, False), (19, False), (20, True), (24 * 5 + 12, True)])
def test_management_at_night_and_at_a_weekend_is_found(hour, there):
    items = [item[0] for item in found([("ApplicationTrustPut", 200, "applications/x", hour)])]
    assert items == (["night"] if there else [])


def test_a_person_who_is_called_like_an_application_is_none(stack):
    (item,) = found([("ApplicationTrustPut", 200, "applications/x", 5)], who=stack.client_id)
    assert (item[1], item[8]) == (stack.client_id, False)


def test_use_at_night_is_no_management():
    assert found([("KeySign", 200, "keys/k/1", 2), ("SecretGet", 200, "secrets/s/1", 2)]) == []


def test_a_caller_that_was_never_seen_in_a_vault_is_found_once(stack, management):
    url = management.vault()
    client = stack.sdk(SecretClient, url)
    client.set_secret("first", "v")
    client.get_secret("first")
    vault = vault_name(url)
    wait_counted(vault, "SecretGet", "first")
    log = as_auditor("from apps.domain.vaults.queries import get_vault\nprint(get_vault(name=sys.argv[1]).pk)", vault)
    firsts = [item for item in json.loads(as_auditor(LIST, log)) if item[0] == "first"]
    assert [item[8] for item in firsts if item[1] == stack.client_id] == [True]
