"""Rotation policies: their rules, and the dates on which they act (docs/reference/wire-contract.md section 10). Pure.

Durations are ISO 8601 and echoed as sent: P2M stays P2M.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import isodate

from apps.core.errors import BadRequest
from apps.domain.objects.schedule import Event, Version, earlier

_BASE = datetime(2024, 1, 1, tzinfo=UTC)  # months and years are measured from here where rules compare durations
# Only durations that PostgreSQL reads as the same interval.
_DURATION = re.compile(r"P(?:\d{1,4}Y)?(?:\d{1,4}M)?(?:\d{1,4}W)?(?:\d{1,5}D)?(?:T(?:\d{1,5}H)?(?:\d{1,5}M)?)?\Z")
_LONGEST = timedelta(days=100 * 366)
SHORTEST_EXPIRY = timedelta(days=28)
MARGIN = timedelta(days=7)  # from creation to rotation, and from rotation to expiry
DEFAULT_NOTIFY = "P30D"


class BadRotationPolicy(BadRequest):
    """A rotation policy outside the contract."""


class Durations(Protocol):
    """A rotation policy: its values, or its row."""

    @property
    def expiry_time(self) -> str: ...
    @property
    def rotate_after_create(self) -> str: ...
    @property
    def rotate_before_expiry(self) -> str: ...
    @property
    def notify_before_expiry(self) -> str: ...


@dataclass(frozen=True, slots=True)
class RotationPolicyValues:
    """The durations of a rotation policy, "" for none. At most one rotation: after creation or before expiry."""

    expiry_time: str = ""
    rotate_after_create: str = ""
    rotate_before_expiry: str = ""
    notify_before_expiry: str = ""


def validate_rotation_policy(policy: RotationPolicyValues) -> RotationPolicyValues:
    """The policy with its defaults. Raises `BadRotationPolicy`."""
    expiry = _length(policy.expiry_time, "expiryTime") if policy.expiry_time else None
    if expiry is not None and expiry < SHORTEST_EXPIRY:
        raise BadRotationPolicy("The 'expiryTime' of a rotation policy must be at least 28 days.")
    if policy.rotate_after_create and policy.rotate_before_expiry:
        raise BadRotationPolicy("A trigger has 'timeAfterCreate' or 'timeBeforeExpiry', not both.")
    after = _rotation(policy, expiry)
    if after is not None and after < MARGIN:
        raise BadRotationPolicy("A key is rotated 7 days after its creation at the earliest.")
    if after is not None and expiry is not None and expiry - after < MARGIN:
        raise BadRotationPolicy("A key is rotated 7 days before its expiry at the latest.")
    if policy.notify_before_expiry:
        notice = _length(policy.notify_before_expiry, "timeBeforeExpiry")
        if expiry is not None and notice > expiry:
            raise BadRotationPolicy("The notification's 'timeBeforeExpiry' is longer than 'expiryTime'.")
    return RotationPolicyValues(
        expiry_time=policy.expiry_time,
        rotate_after_create=policy.rotate_after_create,
        rotate_before_expiry=policy.rotate_before_expiry,
        notify_before_expiry=policy.notify_before_expiry or DEFAULT_NOTIFY,
    )


def expiry_of(expiry_time: str, *, created: datetime) -> datetime | None:
    """The expiry of a version that a rotation creates at `created`; None when the policy does not say."""
    return created + isodate.parse_duration(expiry_time) if expiry_time else None


def _rotation(policy: RotationPolicyValues, expiry: timedelta | None) -> timedelta | None:
    """The age at which a version is rotated."""
    if policy.rotate_after_create:
        return _length(policy.rotate_after_create, "timeAfterCreate")
    if policy.rotate_before_expiry:
        before = _length(policy.rotate_before_expiry, "timeBeforeExpiry")
        if expiry is None:
            raise BadRotationPolicy("A rotation before the expiry needs an 'expiryTime'.")
        return expiry - before
    return None


def _length(text: str, name: str) -> timedelta:
    message = f"The property '{name}' must be an ISO 8601 duration such as P90D, P3M or P1Y."
    if not _DURATION.match(text):
        raise BadRotationPolicy(message)
    try:
        length: timedelta = _BASE + isodate.parse_duration(text) - _BASE
    except (isodate.ISO8601Error, ValueError, OverflowError, ArithmeticError, TypeError):
        raise BadRotationPolicy(message) from None
    if not timedelta(0) < length < _LONGEST:
        raise BadRotationPolicy(f"The property '{name}' is not a length of time that a key can live.")
    return length


@dataclass(frozen=True, slots=True)
class KeySchedule:
    """The dates of a key: `policy` has the durations of `RotationPolicyValues`, or is None."""

    policy: Durations | None
    near_expiry_days: int  # of the vault, for a key whose policy does not say

    def times(self, version: Version) -> dict[Event, datetime]:
        """Rotation, near its expiry, and expired. A disabled key is not rotated."""
        times = {}
        rotation = due_date(self.policy, version) if self.policy is not None and version.enabled else None
        if rotation is not None:
            times[Event.ROTATE] = rotation
        if version.expires is not None:
            times[Event.NEAR_EXPIRY] = earlier(version.expires, self._notice())
            times[Event.EXPIRE] = version.expires
        return times

    def successor(self, event: Event, at: datetime, /) -> Version | None:
        """The version of a rotation, whose expiry is the policy's."""
        if event is not Event.ROTATE or self.policy is None:
            return None
        return Version(at, None, expiry_of(self.policy.expiry_time, created=at), True)

    def _notice(self) -> Any:
        if self.policy is not None and self.policy.notify_before_expiry:
            return isodate.parse_duration(self.policy.notify_before_expiry)
        return timedelta(days=self.near_expiry_days)


def due_date(policy: Durations, version: Version) -> datetime | None:
    """The date on which the scheduler rotates a key with this policy and current version; None: never."""
    dates = []
    if policy.rotate_after_create:
        dates.append(version.created + isodate.parse_duration(policy.rotate_after_create))
    if policy.rotate_before_expiry and version.expires is not None:
        dates.append(earlier(version.expires, isodate.parse_duration(policy.rotate_before_expiry)))
    return min(dates, default=None)
