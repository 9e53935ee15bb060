"""Queries of the usage counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, Max, Min, OuterRef, Q, Sum
from django.db.models.functions import TruncMinute

from apps.usage import rules
from apps.usage.models import HourCount, MinuteCount, UseCount


def uses_of_object(*, vault_id: UUID, object_id: str) -> list[UseCount]:
    """List the counts of an object and its versions, latest first; `object_id` is keys/<name>, without a version."""
    named = UseCount.objects.filter(vault_id=vault_id, object_id=object_id)
    versions = UseCount.objects.filter(vault_id=vault_id, object_id__startswith=f"{object_id}/")
    return sorted([*named, *versions], key=lambda use: use.last, reverse=True)


def callers_of(
    *, vault_id: UUID, operations: Iterable[str], object_id: str = "", since: datetime
) -> list[dict[str, Any]]:
    """List the callers of an object, or of the vault, since a time: caller_id, caller, count, latest; latest first."""
    rows = UseCount.objects.filter(vault_id=vault_id, last__gte=since, done__gt=0, operation__in=list(operations))
    if object_id:
        rows = rows.filter(object_id=object_id) | rows.filter(object_id__startswith=f"{object_id}/")
    summed = rows.values("caller_id", "caller").annotate(count=Sum("done"), latest=Max("last"))
    return [dict(row) for row in summed.order_by("-latest")]


def uses_of_versions(
    *, vault_id: UUID, object_ids: Iterable[str], operations: Iterable[str]
) -> list[tuple[str, UUID, str, int, int, datetime]]:
    """List (object_id, caller_id, caller, calls, of these in rehearsals, last call) of keys/<name>/<version>.

    Only successful calls.
    """
    rows = UseCount.objects.filter(
        vault_id=vault_id, object_id__in=list(object_ids), operation__in=list(operations), done__gt=0
    )
    summed = rows.values_list("object_id", "caller_id", "caller").annotate(
        calls=Sum("done"), rehearsed=Sum("would_fail"), latest=Max("last")
    )
    return list(summed.order_by("-latest"))


def has_uses(*, caller_ids: Any, operations: Iterable[str]) -> bool:
    """Tell whether any of these callers ever used an object successfully. `caller_ids`: a subquery."""
    return UseCount.objects.filter(caller_id__in=caller_ids, done__gt=0, operation__in=list(operations)).exists()


def has_used(*, caller_id: UUID, vault_id: UUID, object_id: str, operations: Iterable[str]) -> bool:
    """Tell whether a caller ever used an object or a version of it successfully; case does not matter.

    `object_id` is keys/<name>, without a version.
    """
    rows = UseCount.objects.filter(caller_id=caller_id, vault_id=vault_id, done__gt=0, operation__in=list(operations))
    return rows.filter(Q(object_id__iexact=object_id) | Q(object_id__istartswith=f"{object_id}/")).exists()


def last_uses(*, caller_ids: Iterable[UUID]) -> dict[tuple[UUID, UUID], datetime]:
    """Map (caller, vault) to the time of the last successful operation."""
    rows = UseCount.objects.filter(caller_id__in=list(caller_ids), done__gt=0)
    found = rows.values_list("caller_id", "vault_id").annotate(latest=Max("last"))
    return {(caller, vault): latest for caller, vault, latest in found}


def per_minute(*, since: datetime, until: datetime, vault_id: UUID | None = None) -> list[tuple[datetime, int, int]]:
    """(minute, operations, denied or failed) for each whole minute of the span, zeros included."""
    until = until.replace(second=0, microsecond=0)  # the minute that runs would look like a fall
    rows = MinuteCount.objects.filter(minute__gte=since, minute__lt=until)
    if vault_id is not None:
        rows = rows.filter(vault_id=vault_id)
    summed = (
        rows.annotate(at=TruncMinute("minute", tzinfo=UTC))
        .values("at")
        .annotate(a=Sum("done"), b=Sum("refused"), c=Sum("failed"))
    )
    counts = {row["at"]: (row["a"] + row["b"] + row["c"], row["b"] + row["c"]) for row in summed}
    first, found = since.replace(second=0, microsecond=0), []
    while first < until:
        found.append((first, *counts.get(first, (0, 0))))
        first += timedelta(minutes=1)
    return found


@dataclass(frozen=True, slots=True)
class CallerDenials:
    """Denials of a caller. `usual`: in two hours, over the two weeks before."""

    caller_id: UUID
    caller: str
    day: int
    done: int
    lately: int  # in this hour and the one before
    usual: float

    @property
    def burst(self) -> bool:
        """Tell whether that is far above the caller's usual number."""
        return rules.is_burst(self.lately, usual=self.usual)


def list_denials(*, now: datetime, limit: int) -> list[CallerDenials]:
    """List the callers with denials in the last day, the most first, each with its own norm."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    day, lately, before = hour - timedelta(hours=23), hour - timedelta(hours=1), hour - rules.NORM
    refused = HourCount.objects.filter(hour__gte=day, refused__gt=0).values("caller_id").distinct()
    rows = HourCount.objects.filter(caller_id__in=refused, hour__gte=before).values("caller_id")
    summed = rows.annotate(
        named=Max("caller"),
        day=Sum("refused", filter=Q(hour__gte=day)),
        in_day=Sum("done", filter=Q(hour__gte=day)),
        lately=Sum("refused", filter=Q(hour__gte=lately), default=0),
        earlier=Sum("refused", filter=Q(hour__lt=lately), default=0),
        since=Min("hour"),
    )
    return [
        CallerDenials(
            row["caller_id"],
            row["named"],
            row["day"],
            row["in_day"],
            row["lately"],
            rules.usual_in_two_hours(row["earlier"], since=row["since"], until=lately),
        )
        for row in summed.order_by("-day")[:limit]
    ]


def last_denied(*, caller_ids: Iterable[UUID]) -> dict[UUID, UseCount]:
    """Map each caller to its latest count with a denial."""
    rows = UseCount.objects.filter(caller_id__in=list(caller_ids), refused__gt=0).order_by("caller_id", "-last")
    return {row.caller_id: row for row in rows.distinct("caller_id")}


def first_time_callers(*, operations: Iterable[str], since: datetime, limit: int) -> list[UseCount]:
    """List first successful uses of a vault by a caller since a time, the latest first."""
    before = UseCount.objects.filter(caller_id=OuterRef("caller_id"), vault_id=OuterRef("vault_id"), first__lt=since)
    rows = UseCount.objects.filter(~Exists(before), first__gte=since, done__gt=0, operation__in=list(operations))
    firsts = list(rows.order_by("caller_id", "vault_id", "first").distinct("caller_id", "vault_id")[:1000])
    return sorted(firsts, key=lambda use: use.first, reverse=True)[:limit]


def uses_of_callers(*, caller_ids: Iterable[UUID], vault_id: UUID | None = None, limit: int) -> Sequence[UseCount]:
    """List the counts of these callers, anywhere or in one vault, latest first."""
    rows = UseCount.objects.filter(caller_id__in=list(caller_ids))
    rows = rows if vault_id is None else rows.filter(vault_id=vault_id)
    return list(rows.order_by("-last")[:limit])


def sums_of_callers(*, caller_ids: Iterable[UUID]) -> list[dict[str, Any]]:
    """Sum operation, done, refused, latest over these callers, the most first."""
    rows = UseCount.objects.filter(caller_id__in=list(caller_ids)).values("operation")
    summed = rows.annotate(all_done=Sum("done"), all_refused=Sum("refused"), latest=Max("last"))
    return [dict(row) for row in summed.order_by("-all_done", "operation")]


def peak_per_minute(*, vault_id: UUID, since: datetime) -> int:
    """Return the highest number of operations of a vault in one minute since then."""
    rows = MinuteCount.objects.filter(vault_id=vault_id, minute__gte=since)
    return max((row.done + row.refused + row.failed for row in rows), default=0)


def first_uses(*, since: datetime, until: datetime, limit: int) -> list[tuple[UUID, UUID, str, datetime]]:
    """List (vault, caller's id, caller, when) of callers first seen in a vault in this time, latest first."""
    rows = UseCount.objects.values_list("vault_id", "caller_id", "caller").annotate(seen=Min("first"))
    return list(rows.filter(seen__gte=since, seen__lt=until).order_by("-seen")[:limit])


def pairs_of(*, vault_id: UUID, operations: Iterable[str], since: datetime, limit: int) -> list[tuple[str, str, int]]:
    """List (caller, object with its version, uses) of a vault since a time, the most used first."""
    rows = UseCount.objects.filter(vault_id=vault_id, last__gte=since, operation__in=list(operations))
    summed = rows.values_list("caller", "object_id").annotate(uses=Sum("done")).filter(uses__gt=0)
    return list(summed.order_by("-uses")[:limit])
