"""Refusals, kept beside the counts so that they can be explained without the trail, which no web process may read.

Gathered in memory and written with the counts: a flood of refusals costs a bounded number of rows a second.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from apps.core.errors import NotFound
from apps.usage import counters
from apps.usage.models import Refusal

KEPT = timedelta(days=7)
KEPT_FROM_NOBODY = timedelta(days=1)
_BATCH = 10_000


class RefusalNotFound(NotFound):
    """No refusal with that request id, or none of an application of whoever asks."""


def add(row: Refusal) -> None:
    """Write it with the next counts; beyond so many a second it is dropped, its record is not."""
    counters.refuse(row)


def find(*, request_id: UUID) -> Refusal:
    """Raises `RefusalNotFound`."""
    row = Refusal.objects.filter(request_id=request_id).first()
    if row is None:
        raise not_found()
    return row


def latest(*, caller_ids: Iterable[UUID], claimed: Iterable[UUID] = (), limit: int) -> Sequence[Refusal]:
    """The last refusals of these callers, the newest first; and of whoever said to be one of these client ids.

    Of the latter the last of each reason: anybody can make as many as they like.
    """
    said = Refusal.objects.filter(claimed__in=list(claimed)).order_by("claimed", "reason", "-at")
    rows = [
        *Refusal.objects.filter(caller_id__in=list(caller_ids)).order_by("-at")[:limit],
        *said.distinct("claimed", "reason")[:limit],
    ]
    return sorted(rows, key=lambda row: row.at, reverse=True)[:limit]


def count(*, caller_ids: Iterable[UUID], since: datetime) -> int:
    """How many requests of these callers were refused since then."""
    return Refusal.objects.filter(caller_id__in=list(caller_ids), at__gte=since).count()


def is_claimed(*, client_ids: Iterable[UUID], since: datetime) -> bool:
    """Whether somebody who said to be one of these was refused since then."""
    return Refusal.objects.filter(claimed__in=list(client_ids), at__gte=since).exists()


def delete_expired(*, now: datetime) -> int:
    """Remove what is older than it is kept; how many."""
    old = Refusal.objects.filter(at__lt=now - KEPT) | Refusal.objects.filter(
        at__lt=now - KEPT_FROM_NOBODY, caller_id__isnull=True
    )
    deleted, _ = Refusal.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_BATCH])).delete()
    return deleted


def not_found() -> RefusalNotFound:
    """The same for an unknown id and for somebody else's."""
    return RefusalNotFound(
        "No refusal of an application of yours has this request id. It shows within two seconds and is kept for "
        "seven days; a token or credential that was not taken, for one day."
    )
