"""Denials, stored beside the counts so that they can be explained without the audit log, which no web process may read.

Gathered in memory and written with the counts: a flood of denials costs a bounded number of rows a second.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from apps.core.errors import NotFound
from apps.usage import counters
from apps.usage.models import Denial

RETENTION = timedelta(days=7)
RETENTION_OF_UNKNOWN_CALLERS = timedelta(days=1)
_BATCH = 10_000


class DenialNotFound(NotFound):
    """No denial with that request id, or none of the caller's own applications."""

    code = "RefusalNotFound"


def add(row: Denial) -> None:
    """Write it with the next counts, where this process does. Beyond a number a second it is dropped.

    Its audit record is not.
    """
    if settings.STORES_DENIALS:
        counters.add_denial(row)


def find(*, request_id: UUID) -> Denial:
    """Raises `DenialNotFound`."""
    row = Denial.objects.filter(request_id=request_id).first()
    if row is None:
        raise not_found()
    return row


def latest(*, caller_ids: Iterable[UUID], claimed: Iterable[UUID] = (), limit: int) -> Sequence[Denial]:
    """List the last denials of these callers, and of callers that claimed one of these client ids, the newest first.

    Of the latter only the last for each reason: anybody can cause as many as they like.
    """
    claims = Denial.objects.filter(claimed__in=list(claimed)).order_by("claimed", "reason", "-at")
    rows = [
        *Denial.objects.filter(caller_id__in=list(caller_ids)).order_by("-at")[:limit],
        *claims.distinct("claimed", "reason")[:limit],
    ]
    return sorted(rows, key=lambda row: row.at, reverse=True)[:limit]


def count(*, caller_ids: Iterable[UUID], since: datetime) -> int:
    """Count the denied requests of these callers since then."""
    return Denial.objects.filter(caller_id__in=list(caller_ids), at__gte=since).count()


def is_claimed(*, client_ids: Iterable[UUID], since: datetime) -> bool:
    """Tell whether a caller that claimed to be one of these was denied since then."""
    return Denial.objects.filter(claimed__in=list(client_ids), at__gte=since).exists()


def delete_expired(*, now: datetime) -> int:
    """Delete denials that are past their retention. Returns how many."""
    old = Denial.objects.filter(at__lt=now - RETENTION) | Denial.objects.filter(
        at__lt=now - RETENTION_OF_UNKNOWN_CALLERS, caller_id__isnull=True
    )
    deleted, _ = Denial.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:_BATCH])).delete()
    return deleted


def not_found() -> DenialNotFound:
    """Make the error, the same for an unknown id and for another owner's."""
    return DenialNotFound(
        "No refusal of an application of yours has this request id. It shows within two seconds and is kept for "
        "seven days; a token or credential that was not taken, for one day."
    )
