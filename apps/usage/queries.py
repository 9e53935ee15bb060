"""Reading the counts."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max, Sum
from django.db.models.functions import TruncMinute

from apps.usage.models import MinuteCount, UseCount

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


def last_uses(*, caller_ids: Iterable[UUID]) -> dict[tuple[UUID, UUID], datetime]:
    """(caller, vault) to when the caller last did something there."""
    rows = UseCount.objects.filter(caller_id__in=list(caller_ids), done__gt=0)
    found = rows.values_list("caller_id", "vault_id").annotate(latest=Max("last"))
    return {(caller, vault): latest for caller, vault, latest in found}


def per_minute(*, since: datetime, until: datetime, vault_id: UUID | None = None) -> list[tuple[datetime, int, int]]:
    """(minute, operations, refused or failed) for each minute of the span, zeros included."""
    rows = MinuteCount.objects.filter(minute__gte=since, minute__lt=until)
    if vault_id is not None:
        rows = rows.filter(vault_id=vault_id)
    summed = (
        rows.annotate(at=TruncMinute("minute")).values("at").annotate(a=Sum("done"), b=Sum("refused"), c=Sum("failed"))
    )
    counts = {row["at"]: (row["a"] + row["b"] + row["c"], row["b"] + row["c"]) for row in summed}
    first, found = since.replace(second=0, microsecond=0), []
    while first < until:
        found.append((first, *counts.get(first, (0, 0))))
        first += timedelta(minutes=1)
    return found


def most_refused(*, since: datetime, limit: int) -> Sequence[UseCount]:
    """Who was refused lately, the most first."""
    return list(UseCount.objects.filter(last__gte=since, refused__gt=0).order_by("-refused")[:limit])


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
