"""The marks of a rehearsal on a version: what they report, and which calls a brown-out refuses."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from apps.domain.keys import rules

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class State(NamedTuple):
    """The marks on a version."""

    rehearsed_until: datetime | None
    refused_until: datetime | None
    refused_percent: int


def refused(percent, *, until=NOW + timedelta(seconds=1), number):
    try:
        rules.check_brown_out(State(None, until, percent), operation="sign", request_id=uuid.UUID(int=number), now=NOW)
    except rules.KeyInBrownOut:
        return True
    return False


def test_to_callers_it_is_a_disabled_key():
    assert issubclass(rules.KeyInBrownOut, rules.KeyDisabled)


def test_a_use_would_fail_during_the_rehearsal_only():
    assert rules.would_fail(State(NOW + timedelta(seconds=1), None, 0), now=NOW)
    assert not rules.would_fail(State(NOW, None, 0), now=NOW)
    assert not rules.would_fail(State(None, None, 0), now=NOW)


@pytest.mark.parametrize(("percent", "least", "most"), [(1, 50, 150), (10, 850, 1150)])
def test_a_brown_out_refuses_its_share_and_always_the_same_calls(percent, least, most):
    first = [number for number in range(10_000) if refused(percent, number=number)]
    assert least <= len(first) <= most
    assert first[:20] == [number for number in range(first[19] + 1) if refused(percent, number=number)]


def test_a_brown_out_ends_at_its_time():
    assert not any(refused(10, until=NOW, number=number) for number in range(200))
    assert not any(refused(10, until=None, number=number) for number in range(200))
