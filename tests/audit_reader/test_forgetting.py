"""Bodies go in steps and days go when they are empty, and neither takes what must stay or holds up who writes."""

import datetime as dt
import os
import threading
import time
from datetime import UTC, timedelta

import psycopg
import pytest
from django.db import connection, connections

from apps.audit_log import writer
from apps.audit_log.models import Leaf
from apps.core.clock import now


def ask(statement, values=()):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


def forget(log, before, upto=10**9):
    return ask("SELECT audit_forget(%s, %s, %s)", [log.id, before, upto])


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
    write_aged(log, 4)
    write_aged(log, 3)
    log.write(2)
    assert forget(log, dt.datetime.combine(day_ago(3), dt.time(0), UTC)) == 3
    assert ask("SELECT audit_drop_empty_days()") == 3
    left = days_there()
    assert {name_of(day_ago(days)) for days in (5, 4, 2)} & left == set(), "empty, and over"
    assert {name_of(day_ago(days)) for days in (3, 1, 0, -1)} | {"audit_event_other"} <= left
    assert ask("SELECT count(*) FROM audit_event WHERE log_id = %s", [log.id]) == 5
    assert Leaf.objects.filter(log_id=log.id).count() == 8, "leaves stay"
    assert ask("SELECT audit_drop_empty_days()") == 0


def test_a_record_that_is_on_its_way_into_an_old_day_is_not_dropped_with_it(log, earlier, other):
    write_aged(log, 4)
    other.execute("CREATE TEMP TABLE kept AS SELECT * FROM audit_event WHERE log_id = %s LIMIT 1", [log.id])
    other.commit()
    ask("SELECT audit_drop_empty_days()")  # of the old days only this one is left, and would be the first to go
    forget(log, now())
    other.execute("INSERT INTO audit_event SELECT * FROM kept")
    dropping = in_background("SELECT audit_drop_empty_days()")
    time.sleep(0.15)
    other.commit()
    dropping.join()
    assert ask("SELECT count(*) FROM audit_event WHERE log_id = %s", [log.id]) == 1
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
    assert [forget(log, now()) for _ in range(3)] == [20_000, 20_010, 20_010]
    assert ask("SELECT count(*) FROM audit_event WHERE log_id = %s", [log.id]) == 0


def test_bodies_go_up_to_a_checkpoint(log):
    """A destination that comes later begins at a checkpoint: what were left before it would never be delivered."""
    log.write(15, batch=5)
    at = [moment for (moment,) in log.rows("e.at")]
    assert forget(log, at[7] + timedelta(microseconds=1), upto=7) == 5
    assert forget(log, now(), upto=8) == 5, "never what is still to be delivered"
    assert forget(log, now(), upto=9) == 10
    assert forget(log, now()) == 15
    assert ask("SELECT count(*) FROM audit_event WHERE log_id = %s", [log.id]) == 0
