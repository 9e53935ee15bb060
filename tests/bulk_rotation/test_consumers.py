"""Where a consumer is between two versions of a key, and when an old version has no consumers left."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from apps.domain.bulk_rotation.rules import Consumer, Standing, VersionUse, all_moved_at

ANNOUNCED = datetime(2026, 1, 10, tzinfo=UTC)
QUIET = timedelta(days=7)


def consumer(*, old=None, new=None, acknowledged=None):
    """Times are days after the announcement; None: never."""
    at = {
        name: None if days is None else ANNOUNCED + timedelta(days=days)
        for name, days in (("old", old), ("new", new), ("acknowledged", acknowledged))
    }
    uses = {name: at[name] and VersionUse(1, at[name]) for name in ("old", "new")}
    return Consumer(uuid.uuid4(), "app", uses["old"], uses["new"], at["acknowledged"])


def moved_on_day(*consumers):
    moment = all_moved_at(consumers, announced=ANNOUNCED, quiet=QUIET)
    return (moment - ANNOUNCED) / timedelta(days=1)


@pytest.mark.parametrize(
    ("given", "day"),
    [
        (consumer(old=-100), 7),  # silent for long, but it could not know before the announcement
        (consumer(old=3), 10),
        (consumer(old=3, new=4), 10),  # a new call proves nothing about the old version
        (consumer(old=3, acknowledged=5), 5),
        (consumer(old=6, acknowledged=5), 13),  # used it after the acknowledgement
        (consumer(new=2), 7),  # not a consumer of the old version
    ],
)
def test_a_consumer_moves_by_silence_or_by_acknowledgement(given, day):
    assert moved_on_day(given) == day


def test_the_last_consumer_decides():
    assert moved_on_day(consumer(old=1), consumer(old=4), consumer(old=2, acknowledged=3)) == 11
    assert moved_on_day(consumer(old=2, acknowledged=3), consumer(old=-1, acknowledged=1)) == 3


def test_without_consumers_the_days_still_pass():
    assert moved_on_day() == 7


@pytest.mark.parametrize(
    ("given", "standing"),
    [
        (consumer(new=1), Standing.NEW),
        (consumer(old=1, acknowledged=2), Standing.ACKNOWLEDGED),
        (consumer(old=-3), Standing.QUIET),
        (consumer(old=1), Standing.BEHIND),
        (consumer(old=3, acknowledged=2), Standing.BEHIND),
    ],
)
def test_a_consumer_has_a_standing(given, standing):
    now = ANNOUNCED + timedelta(days=7)
    assert given.standing(announced=ANNOUNCED, quiet=QUIET, now=now) == standing
