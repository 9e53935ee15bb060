"""Rehearsals of a retirement: uses of the old versions succeed, and are reported as uses that would fail.

The marks are in the rows of the versions, which the HSM workers cache: a use needs no further SQL statement.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest, Conflict
from apps.core.sql import execute
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation import rules
from apps.domain.bulk_rotation.consumers import consumers_of
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.bulk_rotation.queries import get_rollover
from apps.domain.bulk_rotation.rules import Rehearsal
from apps.domain.keys.models import KeyVersion

_ANNOUNCED = (RolloverKey.State.OBSERVING, RolloverKey.State.MOVED)
_MARK = """
    UPDATE keys_keyversion v SET refused_until = %(refused)s, refused_percent = %(percent)s,
        rehearsed_until = CASE WHEN %(keeps)s THEN v.rehearsed_until ELSE %(rehearsed)s END
    FROM rollovers_rolloverkey r
    WHERE r.rollover_id = %(rollover)s AND r.state = ANY(%(states)s) AND v.key_id = r.key_id
        AND v.version = r.old_version"""


class NothingToRehearse(Conflict):
    """The rollover has no announced old version that is still to be retired."""


class RehearsalNotClean(Conflict):
    """A brown-out needs a rehearsal that is over and clean."""


class BadRehearsal(BadRequest):
    """The rehearsal is too long, or the brown-out has a share that is not offered."""


def rehearse(*, grant: Grant, rollover_id: UUID, hours: int, now: datetime) -> Rollover:
    """Report uses of the old versions as uses that would fail, for some hours; 0 ends the rehearsal.

    Raises `RolloverNotFound`, `NothingToRehearse`, `BadRehearsal`.
    """
    row = get_rollover(rollover_id=rollover_id)
    grant.require(Permission.KEYS_UPDATE, vault_id=row.vault_id)
    if not 0 <= hours <= rules.LONGEST_REHEARSAL / timedelta(hours=1):
        raise BadRehearsal(f"A rehearsal may take up to {rules.LONGEST_REHEARSAL.days} days.")
    until = now + timedelta(hours=hours)
    with transaction.atomic():
        turns = _lock_announced(row)
        _mark(row, rehearsed=until if hours else None)
        rehearsed = {"rehearsed_until": until, **({"rehearsed_from": now} if hours else {})}
        RolloverKey.objects.filter(rollover=row, state__in=_ANNOUNCED).update(**rehearsed)
        append_change(grant, operation=Operation.ROLLOVER_REHEARSE, rollover=str(row.pk), hours=hours, keys=len(turns))
    return row


def brown_out(*, grant: Grant, rollover_id: UUID, percent: int, now: datetime) -> Rollover:
    """Refuse 1 or 10 percent of the uses of the old versions for a minute, after a clean rehearsal; 0 ends it.

    Raises `RolloverNotFound`, `NothingToRehearse`, `RehearsalNotClean`, `BadRehearsal`.
    """
    row = get_rollover(rollover_id=rollover_id)
    grant.require(Permission.KEYS_UPDATE, vault_id=row.vault_id)
    if percent not in rules.BROWN_OUT_PERCENT:
        raise BadRehearsal("A brown-out refuses 1 or 10 percent of the uses; 0 ends it.")
    with transaction.atomic():
        turns = _lock_announced(row)
        if percent and not all(is_clean(rehearsal, now) for rehearsal in rehearsals_of(row, turns).values()):
            raise RehearsalNotClean(
                "A brown-out needs a rehearsal that is over and clean: no consumer has used an old version since it "
                "began."
            )
        _mark(row, refused=now + rules.BROWN_OUT if percent else None, percent=percent, keeps=True)
        append_change(grant, operation=Operation.ROLLOVER_BROWN_OUT, rollover=str(row.pk), percent=percent)
    return row


def end_marks(row: Rollover) -> None:
    """Remove the marks of rehearsal and brown-out from a rollover's versions, in the caller's transaction."""
    _mark(row)


def end_marks_of_key(key_id: UUID) -> None:
    """End rehearsal and brown-out of one key, whose rollover an emergency replaces, in the caller's transaction."""
    marked = KeyVersion.objects.filter(Q(rehearsed_until__isnull=False) | Q(refused_until__isnull=False), key_id=key_id)
    marked.update(rehearsed_until=None, refused_until=None, refused_percent=0)


def rehearsals_of(row: Rollover, turns: list[RolloverKey]) -> dict[UUID, Rehearsal | None]:
    """Map the id of each of these rows to the last rehearsal of its key; None: there was none."""
    rehearsed = [turn for turn in turns if turn.rehearsed_from is not None]
    consumers = consumers_of(vault_id=row.vault_id, turns=rehearsed)
    found: dict[UUID, Rehearsal | None] = dict.fromkeys((turn.pk for turn in turns), None)
    for turn in rehearsed:
        if turn.rehearsed_from is not None and turn.rehearsed_until is not None:
            found[turn.pk] = rules.rehearsal_of(
                consumers[turn.pk], since=turn.rehearsed_from, until=turn.rehearsed_until
            )
    return found


def is_clean(rehearsal: Rehearsal | None, now: datetime) -> bool:
    """Whether there was a rehearsal, and it is over and clean."""
    return rehearsal is not None and rehearsal.is_clean(now)


def _lock_announced(row: Rollover) -> list[RolloverKey]:
    Rollover.objects.select_for_update().get(pk=row.pk)  # the runner may be about to retire
    turns = list(RolloverKey.objects.filter(rollover=row, state__in=_ANNOUNCED))
    if row.kind != Rollover.Kind.STAGED or not turns:
        raise NothingToRehearse("This rollover has no announced old version that is still to be retired.")
    return turns


def _mark(
    row: Rollover,
    *,
    rehearsed: datetime | None = None,
    refused: datetime | None = None,
    percent: int = 0,
    keeps: bool = False,
) -> None:
    """Set or remove the marks of the old versions. `keeps`: leave the mark of a rehearsal as it is."""
    marks = {"rehearsed": rehearsed, "refused": refused, "percent": percent, "keeps": keeps}
    execute(_MARK, {**marks, "rollover": row.pk, "states": list(_ANNOUNCED)})
