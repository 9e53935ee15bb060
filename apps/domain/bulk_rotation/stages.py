"""The stages of a staged rollover after the new version: announce, observe, moved, retire.

Each function advances some keys in the transaction of `runner.py`, which holds the lock of the rollover's row.
"""

from datetime import datetime

from django.db.models import QuerySet

from apps.audit_log.operation_names import Operation
from apps.core.errors import VaultError
from apps.domain.access.audit_records import append_change
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation.announcements import announce, announce_retirement, grant_at
from apps.domain.bulk_rotation.consumers import are_moved
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.keys.kind import KEYS
from apps.domain.keys.operations import retirement

AT_ONCE = 100  # keys in one transaction, so that it is short
_State = RolloverKey.State
ANNOUNCED = (_State.OBSERVING, _State.MOVED)
_MOST_MOVED = 1000  # keys that are noted as moved in one transaction; who came back is always noted


def announce_created(rollover: Rollover, now: datetime) -> None:
    """Announce new versions. In an emergency the old version is disabled already, so there is nothing to observe."""
    state = _State.RETIRED if rollover.kind == Rollover.Kind.EMERGENCY else _State.OBSERVING
    for turn in _turns(rollover, _State.CREATED)[:AT_ONCE]:
        announce(rollover, turn, now=now)
        turn.state, turn.announced, turn.changed = state, now, now
        turn.save(update_fields=["state", "announced", "changed"])


def observe(rollover: Rollover, now: datetime) -> None:
    """Find the keys whose consumers have all moved, and those where one came back."""
    turns = list(_turns(rollover, *ANNOUNCED))
    moved = are_moved(rollover=rollover, turns=turns, now=now)
    back = [(turn, _State.OBSERVING) for turn in turns if turn.state == _State.MOVED and not moved[turn.pk]]
    newly = [(turn, _State.MOVED) for turn in turns if turn.state == _State.OBSERVING and moved[turn.pk]]
    for turn, state in [*back, *newly[:_MOST_MOVED]]:
        turn.state, turn.changed = state, now
        turn.save(update_fields=["state", "changed"])
        append_change(
            grant_at(rollover, turn, Permission.VAULTS_SWEEP),
            operation=Operation.ROLLOVER_OBSERVE,
            object_id=KEYS.object_id(turn.name, turn.old_version),
            rollover=str(rollover.pk),
            moved=state == _State.MOVED,
        )


def retire(rollover: Rollover, now: datetime) -> None:
    """Disable the old versions of moved keys whose retirement was requested or is automatic.

    With an override, also those of keys that are still observed.
    """
    moved = _turns(rollover, _State.MOVED).exclude(rehearsed_until__gt=now)
    if not rollover.automatic:
        moved = moved.filter(released=True)
    overridden = _turns(rollover, _State.OBSERVING).filter(overridden=True)
    for turn in [*moved[:AT_ONCE], *overridden[:AT_ONCE]]:
        _retire_one(rollover, turn, now)


def _retire_one(rollover: Rollover, turn: RolloverKey, now: datetime) -> None:
    grant = grant_at(rollover, turn, Permission.KEYS_UPDATE)
    try:
        retirement.disable_version(grant=grant, vault=rollover.vault, name=turn.name, version=turn.old_version, now=now)
    except VaultError as error:  # the key was deleted meanwhile
        turn.state, turn.message, turn.changed = _State.LEFT, error.message[:300], now
        turn.save(update_fields=["state", "message", "changed"])
        return
    turn.state, turn.retired, turn.changed = _State.RETIRED, now, now
    turn.save(update_fields=["state", "retired", "changed"])
    announce_retirement(rollover, turn, now=now)


def _turns(rollover: Rollover, *states: str) -> QuerySet[RolloverKey]:
    return RolloverKey.objects.filter(rollover=rollover, state__in=states).order_by("pk")
