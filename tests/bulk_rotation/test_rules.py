from datetime import UTC, datetime, timedelta

import pytest

from apps.domain.bulk_rotation import rules

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def progress(*, after=60, recent=0, last=None, **counts):
    now = BEGIN + timedelta(seconds=after)
    return rules.progress(counts, recent=recent, since=BEGIN, last=last, now=now)


def test_rate_and_time_left_are_those_of_the_last_half_minute():
    found = progress(done=300, begun=8, waiting=292, recent=60, last=BEGIN + timedelta(seconds=60))
    assert (found.total, found.settled, found.percent) == (600, 300, 50)
    assert found.rate == 2.0
    assert found.left == 150.0
    assert not found.stuck


def test_a_young_rollover_counts_from_its_begin():
    assert progress(after=5, done=10, waiting=10, recent=10).rate == 2.0


def test_nothing_settled_yet_has_no_time_left():
    found = progress(after=3, begun=8, waiting=2)
    assert found.left is None
    assert not found.stuck


@pytest.mark.parametrize(("waiting", "stuck"), [(1, True), (0, False)])
def test_it_is_stuck_when_keys_wait_and_none_was_settled_for_half_a_minute(waiting, stuck):
    assert progress(after=100, done=5, waiting=waiting, last=BEGIN + timedelta(seconds=60)).stuck is stuck


def test_a_hundred_percent_means_all():
    assert progress(done=999, waiting=1).percent == 99
    assert progress(done=990, failed=4, left=6).percent == 100
    assert progress().percent == 100


@pytest.mark.parametrize(("seconds", "pause"), [(0, 1), (29, 1), (30, 3), (299, 3), (300, 10), (9000, 10)])
def test_a_page_asks_less_often_the_longer_it_takes(seconds, pause):
    assert rules.pause_before_asking_again(age=timedelta(seconds=seconds)) == pause
