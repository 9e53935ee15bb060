"""What is unusual, from counters alone: a burst against one's own norm, a caller that is new to a vault, an old version."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.domain.catalog.anomalies import list_anomalies
from apps.domain.vaults.models import Vault
from apps.usage.models import HourCount
from tests.support import actors

HOUR = timedelta(hours=1)


@pytest.fixture
def moment():
    return now()


@pytest.fixture
def old_vault(vault, moment):
    Vault.objects.filter(pk=vault.pk).update(created=moment - timedelta(days=30))
    return vault


def refused(principal, moment, *, hours_ago, count):
    hour = (moment - hours_ago * HOUR).replace(minute=0, second=0, microsecond=0)
    HourCount.objects.create(caller_id=principal.id, caller=principal.client_id, hour=hour, refused=count)


def used(principal, vault, moment, *, object_id="keys/a/1", operation="KeySign", first, last=timedelta(0), done=1):
    what = {"object_id": object_id, "operation": operation, "done": done}
    actors.count_use(principal, vault, **what, first=moment - first, last=moment - last)


def anomalies_at(moment):
    return [(row.what, row.caller, row.count) for row in list_anomalies(now=moment, limit=10)]


def test_many_refusals_are_a_burst_for_who_has_few_and_none_for_who_has_many(people, moment):
    refused(people.app, moment, hours_ago=0, count=40)
    refused(people.app, moment, hours_ago=100, count=2)
    for hour in range(200):
        refused(people.stranger, moment, hours_ago=hour, count=40)
    assert anomalies_at(moment) == [("refusals", people.app.client_id, 40)]
    assert list_anomalies(now=moment, limit=10)[0].usual < 0.1


def test_a_few_refusals_are_no_burst(people, moment):
    refused(people.app, moment, hours_ago=0, count=9)
    assert anomalies_at(moment) == []


def test_yesterdays_burst_is_over(people, moment):
    refused(people.app, moment, hours_ago=5, count=500)
    assert anomalies_at(moment) == []


def test_a_caller_that_a_vault_never_saw_is_told_once(people, old_vault, moment):
    used(people.app, old_vault, moment, first=timedelta(days=5))
    used(people.app, old_vault, moment, object_id="keys/b/1", first=HOUR)  # another key, the same vault
    used(people.stranger, old_vault, moment, first=2 * HOUR)
    used(people.stranger, old_vault, moment, object_id="keys/b/1", first=HOUR)
    assert anomalies_at(moment) == [("first time", people.stranger.client_id, 0)]


@pytest.mark.parametrize("changes", [{"done": 0}, {"operation": "KeyCreate"}, {"first": timedelta(days=2)}], ids=str)
def test_who_did_nothing_that_breaks_when_it_stops_is_no_new_caller(people, old_vault, moment, changes):
    used(people.stranger, old_vault, moment, **{"first": HOUR, **changes})
    assert anomalies_at(moment) == []


def test_everybody_is_new_to_a_new_vault(people, vault, moment):
    used(people.app, vault, moment, first=HOUR)
    assert anomalies_at(moment) == []


@pytest.fixture
def rolled(vault, moment):
    """A key with an old version "1" and a current version "2", rolled two hours ago."""
    return actors.make_key(vault, "Master", versions=("1", "2"), moments=(moment - 48 * HOUR, moment - 2 * HOUR))


@pytest.mark.parametrize(
    ("version", "operation", "last", "unusual"),
    [
        ("1", "KeySign", HOUR, True),
        ("1", "KeyWrap", HOUR, True),
        ("1", "KeyDecrypt", HOUR, False),  # that is what old versions are for
        ("1", "KeySign", 3 * HOUR, False),  # before it was rolled
        ("2", "KeySign", HOUR, False),
    ],
)
def test_protecting_with_a_version_that_was_rolled_is_told(
    people, rolled, moment, vault, version, operation, last, unusual
):
    object_id = f"keys/Master/{version}"
    used(people.app, vault, moment, object_id=object_id, operation=operation, first=40 * HOUR, last=last)
    assert anomalies_at(moment) == ([("old version", people.app.client_id, 0)] if unusual else [])
