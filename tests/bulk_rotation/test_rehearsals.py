"""Rehearsals of a retirement, and the brown-out that needs a clean one."""

import pytest

from apps.audit_log.writer import Record
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation import rehearsals
from apps.domain.bulk_rotation.models import RolloverKey
from apps.domain.bulk_rotation.operations import NotMoved
from apps.domain.keys.models import KeyVersion
from apps.usage import counters
from apps.usage.models import UseCount
from tests.bulk_rotation.conftest import OLD


@pytest.fixture
def observed(rolling):
    """A rollover that is announced, with a rehearsal function."""
    rollover = rolling.begin(quiet_days=1)
    rolling.advance()
    return rollover


def rehearse(rolling, rollover, hours):
    grant = rolling.grant(Permission.KEYS_UPDATE)
    rehearsals.rehearse(grant=grant, rollover_id=rollover.pk, hours=hours, now=rolling.now)


def brown_out(rolling, rollover, percent=10):
    grant = rolling.grant(Permission.KEYS_UPDATE)
    rehearsals.brown_out(grant=grant, rollover_id=rollover.pk, percent=percent, now=rolling.now)


def state(rolling, rollover):
    turn = rolling.turn(rollover)
    rehearsal = rehearsals.rehearsals_of(rollover, [turn])[turn.pk]
    return rehearsal and rehearsal.state(rolling.now)


def test_a_rehearsal_marks_the_old_version_alone(rolling, observed):
    rehearse(rolling, observed, 24)
    marked = KeyVersion.objects.filter(rehearsed_until__isnull=False)
    assert [row.version for row in marked] == [OLD]
    assert rolling.is_enabled()
    rolling.set_state(observed, "cancelled")
    assert not marked.all().exists()


def test_ending_a_brown_out_ends_no_rehearsal(rolling, observed):
    rehearse(rolling, observed, 24)
    brown_out(rolling, observed, 0)
    assert KeyVersion.objects.get(version=OLD).rehearsed_until is not None


def test_it_is_clean_when_it_is_over_and_nobody_would_have_failed(rolling, observed):
    assert state(rolling, observed) is None
    rehearse(rolling, observed, 24)
    assert state(rolling, observed) == "running"
    rolling.day = 1
    assert state(rolling, observed) == "clean"
    rolling.use(rolling.people.app, OLD)  # after it, and before the retirement
    assert state(rolling, observed) == "not clean"
    rolling.day = 2
    rehearse(rolling, observed, 1)
    rolling.day = 3
    assert state(rolling, observed) == "clean"


def test_a_brown_out_needs_a_clean_rehearsal(rolling, observed):
    for hours in (None, 24):
        if hours:
            rehearse(rolling, observed, hours)
        with pytest.raises(rehearsals.RehearsalNotClean):
            brown_out(rolling, observed)
    rolling.day = 1
    with pytest.raises(rehearsals.BadRehearsal):
        brown_out(rolling, observed, 50)
    brown_out(rolling, observed)
    row = KeyVersion.objects.get(version=OLD)
    assert (row.refused_percent, (row.refused_until - rolling.now).seconds) == (10, 60)
    brown_out(rolling, observed, 0)
    assert KeyVersion.objects.get(version=OLD).refused_until is None


def test_nothing_retires_during_a_rehearsal(rolling, observed):
    rehearse(rolling, observed, 72)
    rolling.advance(day=2)
    assert rolling.stage(observed) == "moved"
    with pytest.raises(NotMoved, match="rehearsal is not over"):
        rolling.retire(observed)
    RolloverKey.objects.update(released=True)
    rolling.advance()
    assert rolling.is_enabled()
    rehearse(rolling, observed, 0)
    rolling.retire(observed)
    rolling.advance()
    assert not rolling.is_enabled()


def test_an_application_without_a_rollover_is_not_rehearsed(rolling):
    rollover = rolling.begin()
    with pytest.raises(rehearsals.NothingToRehearse):
        rehearse(rolling, rollover, 24)


def test_uses_in_a_rehearsal_are_counted_apart(rolling):
    app, use = rolling.people.app, counters.Use
    facts = (rolling.now, rolling.vault.pk, app.id, app.client_id, f"keys/master/{OLD}", "KeySign", 200)
    counters.add([use(*facts), use(*facts, would_fail=True)])
    counters.flush()
    counters.add([use(*facts, would_fail=True)])
    counters.flush()
    row = UseCount.objects.get()
    assert (row.done, row.would_fail) == (3, 2)
    assert "detail" in Record._fields  # from which the writer takes the mark
