"""The clocks, read by interfaces only: everything below them gets `now` as an argument.

`now()` is this machine's time: for sign-ins, tokens, the audit log, leases, and all that is compared with other
machines. `lifecycle_now()` is the time by which keys, secrets, certificates and vaults are rotated, expire and are
purged: the same, unless the clock of a test installation was moved (apps/core/movable_clock.py).
"""

from datetime import UTC, datetime

from apps.core import movable_clock


def now() -> datetime:
    """Return the current time of this machine, aware, in UTC."""
    return datetime.now(UTC)


def lifecycle_now() -> datetime:
    """Return the current time of objects and vaults, aware, in UTC. Raises `ClockRefused`, `django.db.Error`."""
    return now() + movable_clock.offset()


def to_epoch(moment: datetime) -> int:
    """Return whole seconds since 1970, as the API has times (docs/reference/wire-contract.md section 1)."""
    return int(moment.timestamp())
