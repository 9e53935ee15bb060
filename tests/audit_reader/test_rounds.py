"""Which records the continuous verification takes next: new ones, then each log in its turn."""

from datetime import timedelta

import pytest

from apps.audit_log.models import Incident, Verification
from apps.audit_reader import continuous_verification
from apps.audit_reader.continuous_verification import ContinuousVerification
from apps.core.clock import now
from tests.audit_reader.conftest import Log


@pytest.fixture
def verification():
    return ContinuousVerification(older=lambda _log, _verifiers: (), rest=timedelta(seconds=20))


def row_of(log):
    return Verification.objects.filter(log_id=log.id).first()


def test_a_new_log_is_verified_first_and_then_each_in_its_turn(log, verification):
    moment, second = now(), Log()
    log.write(3)
    second.write(3)
    verifiers = [*log.verifiers, *second.verifiers]
    Verification.objects.create(log_id=log.id, looked=moment - timedelta(days=9))
    verification.advance(verifiers=verifiers, now=moment)
    assert (row_of(second).looked, row_of(log).looked) == (moment, moment - timedelta(days=9))
    verification.advance(verifiers=verifiers, now=moment + timedelta(seconds=1))
    assert (row_of(second).looked, row_of(log).looked) == (moment, moment + timedelta(seconds=1))
    assert verification.advance(verifiers=verifiers, now=moment + timedelta(seconds=2)) == 0, "both rest"
    assert verification.advance(verifiers=verifiers, now=moment + timedelta(seconds=25)) == 3


def test_new_records_are_verified_while_the_log_rests(log, verification):
    moment = now()
    log.write(3)
    verification.advance(verifiers=log.verifiers, now=moment)
    log.write(4)
    assert verification.advance(verifiers=log.verifiers, now=moment) == 4
    assert row_of(log).size == 3


def test_the_newest_of_many_new_records_are_verified_first(log, attacker, verification, monkeypatch):
    monkeypatch.setattr(continuous_verification, "STEP", 5)
    log.write(12)
    attacker.execute(
        "UPDATE audit_event SET status = 403 WHERE id IN (SELECT event_id FROM audit_leaf WHERE seq IN (1, 6, 11))"
    )
    verification.advance(verifiers=log.verifiers, now=now())
    found = set(Incident.objects.filter(seq__isnull=False).values_list("seq", flat=True))
    assert found == {11, 1}, "the newest five, and the first five of the round"
    assert row_of(log).reached == 5


def test_a_log_that_was_not_verified_whole_within_a_day_is_behind(log, verification):
    moment = now()
    log.write(3)
    assert continuous_verification.is_behind(now=moment)
    verification.advance(verifiers=log.verifiers, now=moment)
    assert not continuous_verification.is_behind(now=moment)
    assert continuous_verification.is_behind(now=moment + timedelta(days=2))
