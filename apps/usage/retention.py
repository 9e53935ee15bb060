"""Retention of usage counts. Counts by minute and hour are deleted after `RETENTION`; counts by version stay.

A caller with denials only may have guessed the name: such counts are deleted too when they are old, and each caller
keeps only the newest of them. The caller (the scheduler) demands the grant.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from apps.usage.models import HourCount, MinuteCount, UseCount

RETENTION = timedelta(days=100)  # a quarter, and some days to look back from its end
MAX_DENIED_ONLY = 1000  # counts of one caller that have denials only
_BATCH = 10_000  # rows in one statement, so that locks are short


def delete_expired(*, now: datetime) -> int:
    """Delete expired counts, at most one batch of each kind. Returns how many rows."""
    before = now - RETENTION
    minutes = MinuteCount.objects.filter(minute__lt=before).order_by("minute")
    hours = HourCount.objects.filter(hour__lt=before).order_by("hour")
    denied_only = UseCount.objects.filter(done=0)
    newest_first = Window(RowNumber(), partition_by=F("caller_id"), order_by=[F("last").desc(), F("id")])
    too_many = denied_only.annotate(number=newest_first).filter(number__gt=MAX_DENIED_ONLY)
    return (
        _delete_batch(minutes)
        + _delete_batch(hours)
        + _delete_batch(denied_only.filter(last__lt=before).order_by("last"))
        + _delete_batch(too_many)
    )


def _delete_batch(rows: Any) -> int:
    model = rows.model
    count: int = model.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:_BATCH])).delete()[0]
    return count
