"""Counts by the minute and the hour are pictures of the last weeks: older ones go. Counts by version stay.

The caller (the scheduler) demands the grant: this room knows none.
"""

from datetime import datetime, timedelta
from typing import Any

from apps.usage.models import HourCount, MinuteCount

KEPT = timedelta(days=100)  # a quarter, and some days to look back from its end
_BATCH = 10_000  # rows in one statement, so that nobody waits long for a lock


def drop_old(*, now: datetime) -> int:
    """Remove what is older than `KEPT`, at most one batch of each. Returns how many rows went."""
    before = now - KEPT
    minutes = MinuteCount.objects.filter(minute__lt=before).order_by("minute")
    hours = HourCount.objects.filter(hour__lt=before).order_by("hour")
    return _drop(minutes) + _drop(hours)


def _drop(rows: Any) -> int:
    model = rows.model
    count: int = model.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:_BATCH])).delete()[0]
    return count
