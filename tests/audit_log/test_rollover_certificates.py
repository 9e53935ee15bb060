"""What a rollover certificate must say, by the records that it counts. Signature and proofs: `tests/lifecycle`."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.audit_log.auditverify import _check_rollover

ANNOUNCED = datetime(2026, 1, 10, tzinfo=UTC)
OLD, NEW = "0" * 32, "1" * 32


def record(operation, version, *, day, caller="app", status=200, **properties):
    return {
        "operationName": operation,
        "time": (ANNOUNCED + timedelta(days=day)).isoformat(),
        "identity": {"claim": {"objectidentifier": "x", "appid": caller}},
        "properties": {
            "id": f"keys/master/{version}",
            "httpStatusCode": status,
            "phase": "outcome",
            "rollover": "r",
            **properties,
        },
    }


def problems(*, last=1, acknowledged=None, retired=10, overridden=False, **changed):
    """Times are days after the announcement; the days without a call are seven."""
    records = {
        1: record("RolloverAnnounce", NEW, day=0, replaces=OLD, quiet_days=7),
        2: record("KeySign", OLD, day=last),
        4: record("RolloverRetire", OLD, day=retired, overridden=overridden),
    }
    if acknowledged is not None:
        records[3] = record("KeyAcknowledge", NEW, day=acknowledged)
    for seq, other in changed.items():
        records[int(seq.removeprefix("record"))] = other
    consumer = {"caller": "app", "last": 2, "acknowledged": None if acknowledged is None else 3}
    stated = {
        "key": "master",
        "old_version": OLD,
        "new_version": NEW,
        "rollover": "r",
        "announced": 1,
        "retired": 4,
        "consumers": [consumer],
    }
    return list(_check_rollover(stated, records))


WITHOUT_DAYS = record("RolloverAnnounce", NEW, day=0, replaces=OLD, quiet_days=0)


@pytest.mark.parametrize(
    "given",
    [
        {"last": 3},
        {"last": -50},
        {"last": 9, "acknowledged": 9.5},
        {"last": 9, "acknowledged": 9.5, "record1": WITHOUT_DAYS},
    ],
)
def test_a_consumer_that_moved_is_certified(given):
    assert problems(**given) == []


@pytest.mark.parametrize(
    "given",
    [
        {"last": 3.1},  # not silent for long enough
        {"last": -50, "retired": 6},  # announced too late
        {"last": 9, "acknowledged": 8},  # used the old version after it acknowledged the new one
        {"last": 9, "acknowledged": 11},
        {"last": 11},
        {"last": 1, "record1": WITHOUT_DAYS},
        {"last": 9, "acknowledged": 9.5, "record3": record("KeyAcknowledge", NEW, day=9.5, caller="other")},
        {"last": 9, "acknowledged": 9.5, "record3": record("KeyAcknowledge", OLD, day=9.5)},
        {"last": 9, "acknowledged": 9.5, "record3": record("KeyAcknowledge", NEW, day=9.5, status=403)},
    ],
)
def test_a_consumer_that_had_not_moved_is_named(given):
    assert problems(**given) == ["the consumer app had not moved when the old version was retired"]


@pytest.mark.parametrize(
    "given",
    [
        {"overridden": True},
        {"record1": record("RolloverAnnounce", NEW, day=0, replaces=NEW, quiet_days=7)},
        {"record1": record("RolloverBegin", NEW, day=0, replaces=OLD, quiet_days=7)},
        {"record4": record("RolloverRetire", NEW, day=10, overridden=False)},
        {"record2": record("KeyGet", OLD, day=1)},
        {"record2": record("KeySign", OLD, day=1, caller="other")},
    ],
)
def test_records_of_something_else_prove_nothing(given):
    assert problems(**given)
