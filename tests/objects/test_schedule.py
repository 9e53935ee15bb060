"""The dates of the scheduler and of the calendar, without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.domain.certificates.policy import (
    AUTO_RENEW,
    EMAIL_CONTACTS,
    SELF,
    UNKNOWN,
    Action,
    CertificateSchedule,
    Policy,
)
from apps.domain.keys.rotation_policy import KeySchedule, RotationPolicyValues
from apps.domain.objects.schedule import Event, Expiry, Version, is_due, occurrences

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def version(*, age=0, expires=None, enabled=True):
    return Version(NOW - age * DAY, None, None if expires is None else NOW + expires * DAY, enabled)


def listed(schedule, first, *, days=365, done=()):
    found = occurrences(schedule, first, done=done, now=NOW, until=NOW + days * DAY)
    return [((entry.at - NOW) / DAY, entry.event, entry.planned) for entry in found]


def keys(**durations):
    return KeySchedule(RotationPolicyValues(**durations), 30)


def test_a_rotation_repeats_with_the_versions_that_it_makes():
    assert listed(keys(rotate_after_create="P90D"), version(age=30)) == [
        (60, Event.ROTATE, False),
        (150, Event.ROTATE, True),
        (240, Event.ROTATE, True),
        (330, Event.ROTATE, True),
    ]


def test_a_rotation_before_the_expiry_needs_one_and_gives_one():
    schedule = keys(rotate_before_expiry="P30D", expiry_time="P100D", notify_before_expiry="P40D")
    assert listed(schedule, version()) == []
    assert listed(schedule, version(expires=50), days=100) == [
        (10, Event.NEAR_EXPIRY, False),
        (20, Event.ROTATE, False),
        (80, Event.NEAR_EXPIRY, True),
        (90, Event.ROTATE, True),
    ]


def test_what_is_overdue_is_carried_out_now_and_what_was_done_is_left_out():
    schedule = keys(rotate_after_create="P300D")
    assert listed(schedule, version(age=400)) == [(0, Event.ROTATE, False), (300, Event.ROTATE, True)]
    assert is_due(schedule, version(age=400), Event.ROTATE, now=NOW)
    assert not is_due(schedule, version(age=299), Event.ROTATE, now=NOW)
    near = version(expires=31)
    assert listed(Expiry(30), near) == [(1, Event.NEAR_EXPIRY, False), (31, Event.EXPIRE, False)]
    assert listed(Expiry(30), near, done=(Event.NEAR_EXPIRY,)) == [(31, Event.EXPIRE, False)]
    assert listed(Expiry(30), version(expires=20)) == [(20, Event.EXPIRE, False)]


@pytest.mark.parametrize("duration", ["P30D", "P3M"])
def test_an_expiry_in_the_year_1_stops_nothing(duration):
    first = Version(NOW, None, datetime(1, 1, 1, tzinfo=UTC), True)
    schedule = keys(rotate_before_expiry=duration, notify_before_expiry=duration)
    assert is_due(schedule, first, Event.ROTATE, now=NOW)
    assert is_due(schedule, first, Event.NEAR_EXPIRY, now=NOW)
    assert is_due(Expiry(30), first, Event.NEAR_EXPIRY, now=NOW)


def test_a_disabled_key_is_not_rotated():
    assert listed(keys(rotate_after_create="P30D"), version(enabled=False)) == []


def test_the_vault_gives_notice_for_a_key_whose_policy_does_not():
    assert listed(KeySchedule(None, 7), version(expires=20)) == [
        (13, Event.NEAR_EXPIRY, False),
        (20, Event.EXPIRE, False),
    ]


@pytest.mark.parametrize(
    ("issuer", "kind", "event"),
    [
        (SELF, AUTO_RENEW, Event.RENEW),
        (UNKNOWN, AUTO_RENEW, Event.NOTICE),
        (SELF, EMAIL_CONTACTS, Event.NOTICE),
    ],
)
def test_a_lifetime_action_renews_or_reports(issuer, kind, event):
    policy = Policy(issuer=issuer, validity_months=6, actions=(Action(kind, days=60),))
    first = Version(NOW - 100 * DAY, NOW - 100 * DAY, NOW + 70 * DAY, True)
    found = listed(CertificateSchedule(policy, 30), first)
    assert found[0] == (10, event, False)
    renewals = [entry for entry in found if entry[1] is Event.RENEW]
    assert len(renewals) == (3 if event is Event.RENEW else 0)
    assert all(planned for _, _, planned in renewals[1:])
    if event is Event.NOTICE:
        assert [entry[1] for entry in found] == [Event.NOTICE, Event.NEAR_EXPIRY, Event.EXPIRE]
