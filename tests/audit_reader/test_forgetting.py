"""Bodies go in steps and days go when they are empty, and neither takes what must stay or holds up who writes."""

import datetime as dt
import os
import threading
import time
from datetime import UTC, timedelta

import psycopg
import pytest
from django.db import IntegrityError, connection, connections

from apps.audit_log import writer
from apps.audit_log.models import Leaf
from apps.core.clock import now
from apps.domain.vaults.models import Vault
from apps.log_delivery.models import DeliveryState, LogDestination, LogRetention
from tests.support import actors
from tests.support.roles import attempt, connected
from vaultportal.database_privileges import RETENTION


def ask(statement, values=()):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


FORGET = "SELECT first, below FROM audit_forget(%s)"


def forget(log):
    """Numbers of the first deleted body and of the first one behind them; None: nothing was deleted."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET, [log.id])
        return cursor.fetchone()


def keep(log, days):
    """Set the retention of the log's vault, which is made the first time. 0: all records are old, which no rule allows."""
    if not Vault.objects.filter(pk=log.id).exists():
        Vault.objects.create(pk=log.id, name="payroll", world=actors.make_world(), created=now())
    LogRetention.objects.update_or_create(vault_id=log.id, defaults={"days": days, "changed": now()})


def deliver(log, count):
    """Let the log have a destination that has received so many records; None: of which no state is known."""
    destination, _ = LogDestination.objects.get_or_create(
        vault_id=log.id,
        defaults={"kind": "webhook", "config": {}, "sealed_secret": b"", "created": now(), "changed": now()},
    )
    DeliveryState.objects.filter(pk=destination.pk).delete()
    if count is not None:
        DeliveryState.objects.create(destination=destination, delivered=count)


def bodies(log):
    return ask("SELECT count(*) FROM audit_event WHERE log_id = %s", [log.id])


def day_ago(days):
    return now().astimezone(UTC).date() - timedelta(days=days)


def days_there():
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_event'::regclass"
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()}


def name_of(day):
    return f"audit_event_{day:%Y%m%d}"


@pytest.fixture
def earlier(log):
    """Days of this week, as they were made in time; gone after the test."""
    before = days_there()
    for days in range(2, 6):
        ask("SELECT audit_make_days(%s::date, 1)", [day_ago(days)])
    yield
    with connection.cursor() as cursor:
        for name in days_there() - before:
            cursor.execute(f"DROP TABLE {name}")


@pytest.fixture
def other():
    """A connection of somebody else."""
    url = os.environ["DATABASE_URL"].replace("/vaultportal?", f"/{connection.settings_dict['NAME']}?")
    with psycopg.connect(url) as raw:
        yield raw
        raw.rollback()


def age(log, days):
    """Let what is not sequenced yet be of an earlier day."""
    moment = dt.datetime.combine(day_ago(days), dt.time(12), UTC)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE audit_event e SET at = %s, id = (left(audit_floor(%s)::text, 13) || substr(id::text, 14))::uuid "
            "WHERE log_id = %s AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.event_id = e.id)",
            [moment, moment, log.id],
        )
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")


def write_aged(log, days, count=3):
    writer.append([log.record(number) for number in range(count)])
    age(log, days)
    assert log.sequence() == count


def test_a_day_goes_when_it_is_empty_and_no_other_does(log, earlier):
    write_aged(log, 5)
    write_aged(log, 3)
    log.write(2)
    keep(log, 4)
    assert forget(log) == (0, 3)
    assert ask("SELECT audit_drop_empty_days()") == 3
    left = days_there()
    assert {name_of(day_ago(days)) for days in (5, 4, 2)} & left == set(), "empty, and over"
    assert {name_of(day_ago(days)) for days in (3, 1, 0, -1)} | {"audit_event_other"} <= left
    assert bodies(log) == 5
    assert Leaf.objects.filter(log_id=log.id).count() == 8, "leaves stay"
    assert ask("SELECT audit_drop_empty_days()") == 0


def test_a_record_that_is_on_its_way_into_an_old_day_is_not_dropped_with_it(log, earlier, other):
    write_aged(log, 4)
    other.execute("CREATE TEMP TABLE kept AS SELECT * FROM audit_event WHERE log_id = %s LIMIT 1", [log.id])
    other.commit()
    ask("SELECT audit_drop_empty_days()")  # of the old days only this one is left, and would be the first to go
    keep(log, 1)
    assert forget(log) == (0, 3)
    other.execute("INSERT INTO audit_event SELECT * FROM kept")
    dropping = in_background("SELECT audit_drop_empty_days()")
    time.sleep(0.15)
    other.commit()
    dropping.join()
    assert bodies(log) == 1
    assert name_of(day_ago(4)) in days_there()


def in_background(statement):
    def work():
        ask(statement)
        connections["default"].close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "statement", ["SELECT audit_drop_empty_days()", "SELECT audit_make_days((now() + interval '40 days')::date, 3)"]
)
def test_days_wait_for_a_long_reader_and_writers_do_not(log, earlier, other, statement):
    """A dump reads all tables in one transaction; what wants the whole table then must not queue before writers."""
    log.write(1)
    before = days_there()
    other.execute("SELECT count(*) FROM audit_event").fetchone()
    waiting = in_background(statement)
    time.sleep(0.1)
    began = time.monotonic()
    writer.append([log.record(1)])
    assert time.monotonic() - began < 1.0
    waiting.join(timeout=5)
    assert not waiting.is_alive()
    assert days_there() == before
    other.rollback()
    assert ask(statement) > 0, "later it works"


def test_bodies_go_in_steps_for_the_sequencer_waits_for_each(log):
    log.write(20, batch=10)
    with connection.cursor() as cursor:  # as if 19 990 records had been deleted before them
        cursor.execute("UPDATE audit_leaf SET seq = seq + 19990 WHERE log_id = %s", [log.id])
        cursor.execute("UPDATE audit_checkpoint SET size = size + 19990 WHERE log_id = %s", [log.id])
        cursor.execute("UPDATE audit_log SET size = size + 19990 WHERE log_id = %s", [log.id])
    keep(log, 0)
    assert [forget(log) for _ in range(3)] == [(0, 20_000), (20_000, 20_010), None]
    assert bodies(log) == 0


def write_half_aged(log):
    """Fifteen records with checkpoints at 5, 10 and 15, of which the first eight are four days old."""
    write_aged(log, 4, count=5)
    writer.append([log.record(number) for number in range(3)])
    age(log, 4)
    writer.append([log.record(number) for number in range(2)])
    assert log.sequence() == 5
    log.write(5)


def test_bodies_go_up_to_a_checkpoint(log):
    """A destination that comes later begins at a checkpoint: what were left before it would never be delivered."""
    write_half_aged(log)
    keep(log, 2)
    assert forget(log) == (0, 5)
    keep(log, 0)
    deliver(log, 9)
    assert forget(log) is None, "never what is still to be delivered"
    deliver(log, 10)
    assert forget(log) == (5, 10)
    LogDestination.objects.all().delete()
    assert forget(log) == (10, 15)
    assert bodies(log) == 0


@pytest.fixture
def retention(transactional_db):
    """A connection with the role of the retention process."""
    with connected(RETENTION) as connections:
        yield connections[RETENTION]


def forget_as(role_connection, log):
    """As `forget`; committed."""
    with role_connection.transaction():
        return role_connection.execute(FORGET, [log.id]).fetchone()


def test_the_role_deletes_neither_what_is_young_nor_what_is_undelivered(log, retention):
    write_half_aged(log)
    assert forget_as(retention, log) is None, "a log without a vault, such as the organisation's"
    keep(log, None)
    assert forget_as(retention, log) is None, "kept indefinitely"
    keep(log, 5)
    assert forget_as(retention, log) is None, "all are younger"
    keep(log, 2)
    for count in (None, 0, 4):
        deliver(log, count)
        assert forget_as(retention, log) is None, f"delivered: {count}"
    assert bodies(log) == 15
    deliver(log, 15)
    assert forget_as(retention, log) == (0, 5), "the rest is younger, or has no checkpoint"
    assert forget_as(retention, log) is None
    assert bodies(log) == 10


def test_no_setting_of_the_session_makes_a_record_older(log, retention):
    write_aged(log, 4)
    keep(log, 5)
    # Clocks that were put forward by 48 hours two days ago: there "five days ago" is what three days ago is elsewhere.
    start = day_ago(3).timetuple().tm_yday - 1
    for setting in (
        f"SET timezone = 'AAA+24BBB-24,{start}/0,J365/24'",
        "SET timezone = 'BBB-167'",
        "SET audit.forgetting = 'yes'",
    ):
        retention.execute(setting)
        assert forget_as(retention, log) is None, setting
    assert bodies(log) == 3


@pytest.mark.parametrize("level", ["repeatable read", "serializable", "read uncommitted"])
def test_what_the_role_saw_earlier_does_not_count(log, retention, level):
    """A transaction that began before there was a destination would not see it."""
    write_aged(log, 4)
    keep(log, 1)
    retention.execute(f"BEGIN ISOLATION LEVEL {level}")
    retention.execute("SELECT count(*) FROM delivery_logretention")
    deliver(log, 0)
    assert isinstance(attempt(retention, FORGET, [log.id]), psycopg.errors.InvalidTransactionState)
    assert bodies(log) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE delivery_logretention SET days = 0",
        "INSERT INTO delivery_logretention (vault_id, days, changed) SELECT id, 0, now() FROM vaults_vault",
        "DELETE FROM delivery_logretention",
        "UPDATE delivery_deliverystate SET delivered = 15",
        "DELETE FROM delivery_logdestination",
        "UPDATE audit_log SET forgotten = 15",
        "INSERT INTO audit_checkpoint (log_id, size, note, at) SELECT id, 1, '', now() FROM vaults_vault",
        "UPDATE audit_event SET at = 'epoch'",
        "SET audit.forgetting = 'yes'; DELETE FROM audit_event",
    ],
)
def test_the_role_changes_nothing_that_decides(log, retention, statement):
    assert isinstance(attempt(retention, statement), psycopg.errors.InsufficientPrivilege)


def test_a_retention_that_has_no_date_is_not_stored(log):
    """The deletion in the other logs would end with it."""
    keep(log, 3660)
    assert forget(log) is None
    with pytest.raises(IntegrityError, match="retention_has_a_date"):
        keep(log, 3661)
