"""Old counts by the minute and the hour go, counts by version stay; and the hours are counted with the rest."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from apps.core.clock import now
from apps.usage import rules, sweeping, tally
from apps.usage.models import HourCount, MinuteCount, UseCount

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
    assert sweeping.drop_old(now=moment) == 2
    assert (MinuteCount.objects.count(), HourCount.objects.count(), UseCount.objects.count()) == (1, 1, 2)
    assert sweeping.drop_old(now=moment) == 0


def test_one_sweep_takes_a_bounded_number(vault, monkeypatch):
    monkeypatch.setattr(sweeping, "_BATCH", 3)
    old = now() - timedelta(days=200)
    for minute in range(5):
        MinuteCount.objects.create(vault_id=vault.pk, minute=old + timedelta(minutes=minute))
    assert [sweeping.drop_old(now=now()) for _ in range(3)] == [3, 2, 0]


def test_hours_are_counted_by_caller_over_vaults_and_operations():
    caller, hour = uuid4(), datetime(2026, 1, 1, 10, tzinfo=UTC)

    def use(minutes, operation, status):
        at = hour + timedelta(minutes=minutes)
        return tally.Use(at, uuid4(), caller, "app", "keys/a", operation, status)

    counted = tally._Tally()
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
