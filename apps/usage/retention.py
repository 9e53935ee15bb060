"""Counts by the minute and the hour are pictures of the last weeks: older ones go. Counts by version stay.

Where a caller did nothing and was refused alone, the name may be anybody's guess: such counts go, too, when they are
old, and of each caller but the newest stay.

The caller (the scheduler) demands the grant: this room knows none.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from apps.usage.models import HourCount, MinuteCount, UseCount

KEPT = timedelta(days=100)  # a quarter, and some days to look back from its end
MOST_IN_VAIN = 1000  # counts of one caller that was refused alone
_BATCH = 10_000  # rows in one statement, so that nobody waits long for a lock


def delete_expired(*, now: datetime) -> int:
    """Remove what is older than `KEPT`, at most one batch of each. Returns how many rows went."""
    before = now - KEPT
    minutes = MinuteCount.objects.filter(minute__lt=before).order_by("minute")
    hours = HourCount.objects.filter(hour__lt=before).order_by("hour")
    in_vain = UseCount.objects.filter(done=0)
    newest_first = Window(RowNumber(), partition_by=F("caller_id"), order_by=[F("last").desc(), F("id")])
    too_many = in_vain.annotate(number=newest_first).filter(number__gt=MOST_IN_VAIN)
    return _drop(minutes) + _drop(hours) + _drop(in_vain.filter(last__lt=before).order_by("last")) + _drop(too_many)


def _drop(rows: Any) -> int:
    model = rows.model
    count: int = model.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:_BATCH])).delete()[0]
    return count
