"""How long a log may stall before a page shows it, and before it is an error."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from apps.audit_reader import stall_thresholds
from apps.audit_reader.integrity import LogState
from apps.interfaces.console.auditors import integrity
from apps.interfaces.console.auditors.stall_banner import StallMessage
from apps.log_delivery.models import DeliveryState, LogDestination
from apps.log_delivery.queries import DeliveryStatus

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "level"), [(0, "ok"), (10, "ok"), (11, "attention"), (60, "attention"), (61, "wrong")]
)
def test_a_record_without_a_number_is_told_after_ten_seconds_and_wrong_after_a_minute(seconds, level):
    assert stall_thresholds.level_of(NOW - timedelta(seconds=seconds), stall_thresholds.NUMBERING, now=NOW) == level


def test_nothing_to_do_is_in_order():
    assert stall_thresholds.level_of(None, stall_thresholds.NUMBERING, now=NOW) == "ok"


@pytest.mark.parametrize(
    ("every", "look", "wrong"), [(1, 120, 600), (20, 120, 600), (30, 120, 600), (3600, 14400, 36000)]
)
def test_an_installation_that_checks_seldom_is_not_told_that_it_stands(every, look, wrong):
    patience = stall_thresholds.checking(timedelta(seconds=every))
    assert (patience.warning, patience.critical) == (timedelta(seconds=look), timedelta(seconds=wrong))


@pytest.mark.parametrize(
    ("runs", "state", "minutes", "shown"),
    [
        (False, "delivering", 0, ("wrong", "not running")),
        (True, "failing", 0, ("wrong", "failing")),
        (True, "delivering", 2, ("ok", "delivering")),
        (True, "delivering", 3, ("attention", "delayed")),
        (True, "waiting", 3, ("attention", "delayed")),
        (True, "delivering", 11, ("wrong", "delayed")),
        (True, "waiting", None, ("none", "nothing delivered yet")),
    ],
)
def test_a_delivery_is_late_for_everybody_by_one_rule(runs, state, minutes, shown):
    since = None if minutes is None else NOW - timedelta(minutes=minutes)
    result = DeliveryStatus(LogDestination(), DeliveryState(state=state, waiting_since=since), "", [], runs)
    assert result.shown(now=NOW) == shown
    assert result.level(now=NOW) == shown[0]


@pytest.mark.parametrize(
    ("levels", "gravest"),
    [([], "ok"), (["ok", "ok"], "ok"), (["none", "ok"], "ok"), (["ok", "attention"], "attention"),
     (["attention", "wrong", "ok"], "wrong")],
)  # fmt: skip
def test_the_gravest_of_several_counts(levels, gravest):
    assert stall_thresholds.most_severe(levels) == gravest


def log(*, verified=True, genuine=True):
    at = NOW if verified else None
    return LogState(uuid.uuid4(), 5, NOW, 0, "", NOW, 5, at, 0, at, genuine=genuine, waiting=None)


@pytest.mark.parametrize(
    ("logs", "stands", "state"),
    [
        ([], [], ("none", "empty")),
        ([log()], [], ("ok", "verified")),
        ([log(), log(verified=False)], [], ("attention", "verifying")),
        ([log(), log(verified=False)], ["attention"], ("attention", "stalled")),
        ([log()], ["attention", "wrong"], ("wrong", "stalled")),
        ([log(), log(genuine=False)], ["attention"], ("wrong", "error")),
    ],
)
def test_the_page_of_integrity_says_the_gravest_first(logs, stands, state):
    assert integrity._state(logs, [StallMessage(level, "", NOW, "", "") for level in stands]) == state


def test_a_log_in_its_first_round_is_not_said_to_be_as_it_was_signed():
    result = integrity._sentence([log(), log(), log(verified=False)], None)
    assert result == "2 logs verified. 1 log not yet fully verified."
