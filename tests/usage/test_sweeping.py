"""Old counts by the minute and the hour go, counts by version stay; and the hours are counted with the rest."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.clock import now
from apps.usage import counters, retention, rules
from apps.usage.models import Denial, HourCount, MinuteCount, UseCount

pytestmark = pytest.mark.django_db


def test_counts_older_than_a_hundred_days_go(vault):
    moment = now()
    for days in (99, 101):
        at = moment - timedelta(days=days)
        MinuteCount.objects.create(vault_id=vault.pk, minute=at, done=1)
        HourCount.objects.create(caller_id=uuid4(), caller="app", hour=at, done=1)
        use = {
            "caller_id": uuid4(),
            "caller": "app",
            "vault_id": vault.pk,
            "object_id": "keys/a",
            "operation": "KeyGet",
        }
        UseCount.objects.create(**use, done=1, first=at, last=at)
    assert retention.delete_expired(now=moment) == 2
    assert (MinuteCount.objects.count(), HourCount.objects.count(), UseCount.objects.count()) == (1, 1, 2)
    assert retention.delete_expired(now=moment) == 0


def test_one_sweep_takes_a_bounded_number(vault, monkeypatch):
    monkeypatch.setattr(retention, "_BATCH", 3)
    old = now() - timedelta(days=200)
    for minute in range(5):
        MinuteCount.objects.create(vault_id=vault.pk, minute=old + timedelta(minutes=minute))
    assert [retention.delete_expired(now=now()) for _ in range(3)] == [3, 2, 0]


def in_vain(vault, caller, name, at, done=0):
    UseCount.objects.create(
        caller_id=caller, caller="app", vault_id=vault.pk, object_id=f"secrets/{name}", operation="SecretGet",
        done=done, refused=1, first=at, last=at,
    )  # fmt: skip


def test_of_names_that_a_caller_was_refused_at_the_newest_stay(vault, monkeypatch):
    monkeypatch.setattr(retention, "MAX_DENIED_ONLY", 3)
    moment, guessing, other = now(), uuid4(), uuid4()
    for number in range(8):
        in_vain(vault, guessing, f"guess-{number}", moment - timedelta(minutes=number))
    in_vain(vault, other, "mistyped", moment - timedelta(days=30))
    in_vain(vault, other, "long-ago", moment - timedelta(days=101))
    in_vain(vault, other, "used", moment - timedelta(days=300), done=5)
    assert retention.delete_expired(now=moment) == 6
    kept = {"secrets/guess-0", "secrets/guess-1", "secrets/guess-2", "secrets/mistyped", "secrets/used"}
    assert set(UseCount.objects.values_list("object_id", flat=True)) == kept


def test_a_sweep_does_not_read_the_counts_of_what_was_done(vault):
    for number in range(300):
        in_vain(vault, uuid4(), f"used-{number}", now() - timedelta(days=number), done=1)
    with CaptureQueriesContext(connection) as asked:
        retention.delete_expired(now=now())
    looks = [query["sql"] for query in asked if 'FROM "usage_usecount"' in query["sql"]]
    assert len(looks) == 2
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE usage_usecount")
        for look in looks:
            cursor.execute(f"EXPLAIN {look}")
            assert "usage_in_vain" in str(cursor.fetchall())


def test_guessed_names_are_counted_by_kind_when_there_are_many():
    counted, caller, vault_id, at = counters._Tally(), uuid4(), uuid4(), datetime(2026, 1, 1, 10, tzinfo=UTC)
    for number in range(500):
        counted._add(counters.Use(at, vault_id, caller, "app", f"secrets/guess-{number}", "SecretGet", 403))
        counted._add(counters.Use(at, vault_id, caller, "app", f"secrets/mine-{number}", "SecretGet", 200))
    counted._add(counters.Use(at, vault_id, caller, "app", "secrets/mine-7", "SecretGet", 403))
    counted.flush()
    rows = UseCount.objects.filter(caller_id=caller)
    assert rows.filter(done=0).count() == 21
    assert rows.get(object_id="secrets").refused == 480
    assert (rows.get(object_id="secrets/mine-7").done, rows.get(object_id="secrets/mine-7").refused) == (1, 1)
    hour = HourCount.objects.get(caller_id=caller)
    assert (hour.done, hour.refused) == (500, 501)  # so that a burst shows all the same


def refusal(caller_id, number=0):
    return Denial(
        at=now(), request_id=uuid4(), caller_id=caller_id, vault_name="payroll", object_id=f"secrets/{number}",
        operation="SecretGet", permission="", status=403, reason="",
    )  # fmt: skip


def test_a_flood_of_one_caller_leaves_room_for_the_refusals_of_others():
    kept, flooding, others = counters._Tally(), uuid4(), [uuid4() for _ in range(40)]
    before = Denial.objects.filter(caller_id__isnull=True).count()  # of tests that commit
    kept._thread = threading.current_thread()  # which writes them: no other is started
    for number in range(600):
        kept.add_denial(refusal(flooding, number))
        kept.add_denial(refusal(None, number))
    for caller in others:
        kept.add_denial(refusal(caller))
    kept.flush()
    assert set(Denial.objects.filter(caller_id__in=others).values_list("caller_id", flat=True)) == set(others)
    assert Denial.objects.filter(caller_id=flooding).count() == 460
    assert Denial.objects.filter(caller_id__isnull=True).count() == before + 20


def test_hours_are_counted_by_caller_over_vaults_and_operations():
    caller, hour = uuid4(), datetime(2026, 1, 1, 10, tzinfo=UTC)

    def use(minutes, operation, status):
        at = hour + timedelta(minutes=minutes)
        return counters.Use(at, uuid4(), caller, "app", "keys/a", operation, status)

    counted = counters._Tally()
    for one in [use(1, "KeySign", 200), use(2, "KeyGet", 403), use(3, "KeyGet", 403), use(61, "KeySign", 200)]:
        counted._add(one)
    counted.flush()
    rows = HourCount.objects.filter(caller_id=caller).order_by("hour").values_list("hour", "done", "refused")
    assert list(rows) == [(hour, 1, 2), (hour + timedelta(hours=1), 1, 0)]


def test_the_norm_of_a_caller_is_its_own():
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    assert rules.usual_in_two_hours(24, since=since, until=until) == 1.0
    assert rules.usual_in_two_hours(5, since=until, until=until) == 10.0  # not longer known: an hour counts
    assert rules.is_burst(10, usual=2)
    assert not rules.is_burst(10, usual=2.1)
    assert not rules.is_burst(9, usual=0)
