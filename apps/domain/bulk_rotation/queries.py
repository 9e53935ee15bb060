"""Queries of rollovers."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Case, Count, Max, When

from apps.core.errors import NotFound
from apps.domain.bulk_rotation import rules
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.bulk_rotation.rules import Progress
from apps.domain.keys.models import Key
from apps.domain.vaults.models import Vault

# What the rate of a rollover counts: new versions. Retirement waits for consumers.
_SETTLED = tuple({*RolloverKey.State} - {"waiting", "begun", "left"})


class RolloverNotFound(NotFound):
    """There is no such rollover."""


def get_rollover(*, rollover_id: UUID) -> Rollover:
    """Load a rollover with its vault. Raises `RolloverNotFound`."""
    row = Rollover.objects.select_related("vault").filter(pk=rollover_id).first()
    if row is None:
        raise RolloverNotFound("There is no such rollover.")
    return row


def list_rollovers(*, limit: int, vault_id: UUID | None = None) -> list[Rollover]:
    """Load rollovers of one vault or of all, the latest first."""
    rows = Rollover.objects.select_related("vault").order_by("-created")
    return list((rows.filter(vault_id=vault_id) if vault_id else rows)[:limit])


def count_keys(*, vault: Vault, older_than_days: int, now: datetime) -> int:
    """The number of keys that a bulk rotation would include."""
    before = now - timedelta(days=older_than_days)
    rows = Key.objects.filter(vault=vault, deleted=None, managed=False)
    return rows.filter(current__enabled=True, current__created__lte=before).count()


def progress_of(row: Rollover, *, now: datetime) -> Progress:
    """Compute the progress of a rollover."""
    keys = RolloverKey.objects.filter(rollover=row)
    counts = dict(keys.values_list("state").annotate(count=Count("pk")))
    at = min(now, row.finished) if row.finished else now
    settled = keys.filter(state__in=_SETTLED)
    return rules.progress(
        counts,
        recent=settled.filter(changed__gt=at - rules.MEASURED).count(),
        since=row.created,
        last=settled.aggregate(last=Max("changed"))["last"],
        now=at,
    )


def current_keys(row: Rollover, *, limit: int) -> list[RolloverKey]:
    """The keys whose jobs are open now."""
    return list(RolloverKey.objects.filter(rollover=row, state=RolloverKey.State.BEGUN).order_by("pk")[:limit])


def latest_keys(row: Rollover, *, limit: int) -> list[RolloverKey]:
    """The keys that changed last, for the list under the progress."""
    return list(RolloverKey.objects.filter(rollover=row, changed__isnull=False).order_by("-changed")[:limit])


def get_turn(*, rollover_id: UUID, name: str) -> RolloverKey:
    """Load one key of a rollover, with the rollover and its vault. Raises `RolloverNotFound`."""
    rows = RolloverKey.objects.select_related("rollover__vault").filter(rollover_id=rollover_id, name__iexact=name)
    turn = rows.first()
    if turn is None:
        raise RolloverNotFound("There is no such rollover, or it has no such key.")
    return turn


def list_turns(row: Rollover, *, limit: int) -> list[RolloverKey]:
    """The keys of a rollover, those that are open first."""
    is_open = Case(When(state__in=RolloverKey.OPEN, then=0), default=1)
    return list(RolloverKey.objects.filter(rollover=row).order_by(is_open, "name", "pk")[:limit])


def failed_keys(row: Rollover, *, limit: int) -> list[RolloverKey]:
    """The keys that were not rotated, with the reason."""
    return list(RolloverKey.objects.filter(rollover=row, state=RolloverKey.State.FAILED).order_by("pk")[:limit])


def list_rotations_of_key(*, key_id: UUID) -> list[tuple[Rollover, RolloverKey]]:
    """The rollovers that included a key, with its result; the latest first."""
    rows = RolloverKey.objects.filter(key_id=key_id).select_related("rollover").order_by("-rollover__created")
    return [(row.rollover, row) for row in rows[:50]]
