"""Reading the counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, Max, Min, OuterRef, Q, Sum
from django.db.models.functions import TruncMinute

from apps.usage import rules
from apps.usage.models import HourCount, MinuteCount, UseCount

# What an application does with an object, as records name it: the rest is management, which breaks nobody.
USES = frozenset(
    {"KeySign", "KeyVerify", "KeyEncrypt", "KeyDecrypt", "KeyWrap", "KeyUnwrap", "KeyGet", "KeyRelease"}
    | {"SecretGet", "CertificateGet"}
)


def uses_of_object(*, vault_id: UUID, object_id: str) -> list[UseCount]:
    """Every count of an object and its versions, latest first; `object_id` is keys/<name>, without a version."""
    named = UseCount.objects.filter(vault_id=vault_id, object_id=object_id)
    versions = UseCount.objects.filter(vault_id=vault_id, object_id__startswith=f"{object_id}/")
    return sorted([*named, *versions], key=lambda use: use.last, reverse=True)


def callers_of(*, vault_id: UUID, object_id: str = "", since: datetime) -> list[dict[str, Any]]:
    """Who used an object (or anything in the vault) since a time: caller_id, caller, count, latest; latest first."""
    rows = UseCount.objects.filter(vault_id=vault_id, last__gte=since, done__gt=0, operation__in=USES)
    if object_id:
        rows = rows.filter(object_id=object_id) | rows.filter(object_id__startswith=f"{object_id}/")
    summed = rows.values("caller_id", "caller").annotate(count=Sum("done"), latest=Max("last"))
    return [dict(row) for row in summed.order_by("-latest")]


def has_uses(*, caller_ids: Any) -> bool:
    """Whether any of these callers ever used an object with success. `caller_ids`: a subquery."""
    return UseCount.objects.filter(caller_id__in=caller_ids, done__gt=0, operation__in=USES).exists()


def last_uses(*, caller_ids: Iterable[UUID]) -> dict[tuple[UUID, UUID], datetime]:
    """(caller, vault) to when the caller last did something there."""
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
class Refusals:
    """How often a caller was refused. `usual`: in two hours, over the two weeks before."""

    caller_id: UUID
    caller: str
    day: int
    done: int
    lately: int  # in this hour and the one before
    usual: float

    @property
    def burst(self) -> bool:
        """Whether that is far from what the caller usually does."""
        return rules.is_burst(self.lately, usual=self.usual)


def refusals(*, now: datetime, limit: int) -> list[Refusals]:
    """Who was refused in the last day, the most first, each beside its own norm."""
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
        Refusals(
            row["caller_id"],
            row["named"],
            row["day"],
            row["in_day"],
            row["lately"],
            rules.usual_in_two_hours(row["earlier"], since=row["since"], until=lately),
        )
        for row in summed.order_by("-day")[:limit]
    ]


def last_refused(*, caller_ids: Iterable[UUID]) -> dict[UUID, UseCount]:
    """By caller, the latest count that has a refusal: what it asks for in vain."""
    rows = UseCount.objects.filter(caller_id__in=list(caller_ids), refused__gt=0).order_by("caller_id", "-last")
    return {row.caller_id: row for row in rows.distinct("caller_id")}


def first_time_callers(*, since: datetime, limit: int) -> list[UseCount]:
    """The first successful use that a caller made of a vault, where that was since a time; the latest first."""
    before = UseCount.objects.filter(caller_id=OuterRef("caller_id"), vault_id=OuterRef("vault_id"), first__lt=since)
    rows = UseCount.objects.filter(~Exists(before), first__gte=since, done__gt=0, operation__in=USES)
    firsts = list(rows.order_by("caller_id", "vault_id", "first").distinct("caller_id", "vault_id")[:1000])
    return sorted(firsts, key=lambda use: use.first, reverse=True)[:limit]


def uses_of_callers(*, caller_ids: Iterable[UUID], vault_id: UUID | None = None, limit: int) -> Sequence[UseCount]:
    """What these callers used, anywhere or in one vault, latest first."""
    rows = UseCount.objects.filter(caller_id__in=list(caller_ids))
    rows = rows if vault_id is None else rows.filter(vault_id=vault_id)
    return list(rows.order_by("-last")[:limit])


def sums_of_callers(*, caller_ids: Iterable[UUID]) -> list[dict[str, Any]]:
    """operation, done, refused, latest over these callers, the most first."""
    rows = UseCount.objects.filter(caller_id__in=list(caller_ids)).values("operation")
    summed = rows.annotate(all_done=Sum("done"), all_refused=Sum("refused"), latest=Max("last"))
    return [dict(row) for row in summed.order_by("-all_done", "operation")]


def peak_per_minute(*, vault_id: UUID, since: datetime) -> int:
    """The most operations that a vault had in one minute since then."""
    rows = MinuteCount.objects.filter(vault_id=vault_id, minute__gte=since)
    return max((row.done + row.refused + row.failed for row in rows), default=0)


def uses_of_caller(*, caller_id: UUID, limit: int) -> Sequence[UseCount]:
    """What a caller used, latest first."""
    return list(UseCount.objects.filter(caller_id=caller_id).order_by("-last")[:limit])


def first_uses(*, since: datetime, until: datetime, limit: int) -> list[tuple[UUID, UUID, str, datetime]]:
    """(vault, caller's id, caller, when) of callers that were first seen in a vault in this time, latest first."""
    rows = UseCount.objects.values_list("vault_id", "caller_id", "caller").annotate(seen=Min("first"))
    return list(rows.filter(seen__gte=since, seen__lt=until).order_by("-seen")[:limit])


def pairs_of(*, vault_id: UUID, since: datetime, limit: int) -> list[tuple[str, str, int]]:
    """(caller, object with its version, uses) in a vault, of those used since a time, the most used first."""
    rows = UseCount.objects.filter(vault_id=vault_id, last__gte=since, operation__in=USES)
    summed = rows.values_list("caller", "object_id").annotate(uses=Sum("done")).filter(uses__gt=0)
    return list(summed.order_by("-uses")[:limit])
