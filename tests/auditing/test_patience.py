"""How long something may rest before it is said, and before it is red."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.auditing import rules

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, "ok"), (10, "ok"), (11, "attention"), (60, "attention"), (61, "wrong")]
)
def test_a_record_without_a_number_is_told_after_ten_seconds_and_wrong_after_a_minute(seconds, level):
    assert rules.level_of(NOW - timedelta(seconds=seconds), rules.NUMBERING, now=NOW) == level


def test_nothing_to_do_is_in_order():
    assert rules.level_of(None, rules.NUMBERING, now=NOW) == "ok"


@pytest.mark.parametrize(
    ("every", "look", "wrong"), [(1, 120, 600), (20, 120, 600), (30, 120, 600), (3600, 14400, 36000)]
)
def test_an_installation_that_checks_seldom_is_not_told_that_it_stands(every, look, wrong):
    patience = rules.checking(timedelta(seconds=every))
    assert (patience.look, patience.wrong) == (timedelta(seconds=look), timedelta(seconds=wrong))
