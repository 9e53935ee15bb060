"""Which log is looked at next: each in its turn, and one that nobody has looked at yet before all others."""

from datetime import timedelta

from apps.audit_log.models import Verification
from apps.audit_reader import continuous_verification
from apps.core.clock import now
from tests.audit_reader.conftest import Log


def looked(log):
    return Verification.objects.filter(log_id=log.id).values_list("looked", flat=True).first()


def test_a_new_log_is_looked_at_first_and_then_each_in_its_turn(log):
    moment, second = now(), Log()
    log.write(3)
    second.write(3)
    one_log = {"verifiers": [*log.verifiers, *second.verifiers], "older": {}, "seconds": 0}
    Verification.objects.create(log_id=log.id, looked=moment - timedelta(days=9))
    continuous_verification.advance(**one_log, now=moment)
    assert (looked(second), looked(log)) == (moment, moment - timedelta(days=9))
    continuous_verification.advance(**one_log, now=moment + timedelta(seconds=1))
    assert (looked(second), looked(log)) == (moment, moment + timedelta(seconds=1))
