"""When a rotation policy acts, and the least times that it must leave."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from apps.domain.keys.rotation_policy import BadRotationPolicy, RotationPolicyValues, due_date, validate_rotation_policy


@dataclass(frozen=True)
class Version:
    created: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    expires: datetime | None = datetime(2026, 12, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "due"),
    [
        (RotationPolicyValues(rotate_after_create="P90D"), datetime(2026, 4, 1, tzinfo=UTC)),
        (RotationPolicyValues(rotate_before_expiry="P30D"), datetime(2026, 12, 1, tzinfo=UTC)),
        (RotationPolicyValues(), None),
    ],
)
def test_a_rotation_is_due_after_the_creation_or_before_the_expiry(policy, due):
    assert due_date(policy, Version()) == due


def test_a_version_that_does_not_expire_is_not_rotated_before_its_expiry():
    assert due_date(RotationPolicyValues(rotate_before_expiry="P30D"), Version(expires=None)) is None


@pytest.mark.parametrize(
    "policy",
    [
        RotationPolicyValues(expiry_time="P28D", rotate_after_create="P7D"),
        RotationPolicyValues(expiry_time="P28D", rotate_after_create="P21D"),
        RotationPolicyValues(expiry_time="P28D", rotate_before_expiry="P7D"),
    ],
)
def test_the_least_times_are_accepted(policy):
    validate_rotation_policy(policy)


@pytest.mark.parametrize(
    "policy",
    [
        RotationPolicyValues(expiry_time="P27D"),
        RotationPolicyValues(rotate_after_create="P6D"),
        RotationPolicyValues(expiry_time="P28D", rotate_after_create="P22D"),
        RotationPolicyValues(expiry_time="P28D", rotate_before_expiry="P6D"),
        RotationPolicyValues(rotate_before_expiry="P30D"),
        RotationPolicyValues(expiry_time="P1Y", rotate_after_create="P90D", rotate_before_expiry="P30D"),
        RotationPolicyValues(expiry_time="P28D", notify_before_expiry="P29D"),
    ],
)
def test_less_is_refused(policy):
    with pytest.raises(BadRotationPolicy):
        validate_rotation_policy(policy)
