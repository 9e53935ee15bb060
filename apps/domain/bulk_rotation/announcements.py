"""Announces the new version and the retirement of the old version of a key; no other module does."""

from datetime import datetime, timedelta

from apps.audit_log.operation_names import Operation
from apps.core.ids import uuid7
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.events import operations as events
from apps.domain.events.rules import EventType, Subject
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key


def announce(rollover: Rollover, turn: RolloverKey, *, now: datetime) -> None:
    """Announce a key's new version, in the caller's transaction: an event for applications, and an audit record."""
    retires = now + timedelta(days=rollover.quiet_days)
    grant = grant_at(rollover, turn, Permission.VAULTS_SWEEP)
    data = {"Replaces": turn.old_version, "RetiresAt": retires.isoformat()}
    _append_event(grant, rollover, turn, EventType.ROLLOVER_ANNOUNCED, turn.new_version, data, now)
    append_change(
        grant,
        operation=Operation.ROLLOVER_ANNOUNCE,
        object_id=KEYS.object_id(turn.name, turn.new_version),
        rollover=str(rollover.pk),
        replaces=turn.old_version,
        quiet_days=rollover.quiet_days,
    )


def announce_retirement(rollover: Rollover, turn: RolloverKey, *, now: datetime) -> None:
    """Announce that a key's old version was disabled, in the transaction that disabled it."""
    grant = grant_at(rollover, turn, Permission.VAULTS_SWEEP)
    data = {"ReplacedBy": turn.new_version}
    _append_event(grant, rollover, turn, EventType.VERSION_RETIRED, turn.old_version, data, now)
    append_change(
        grant,
        operation=Operation.ROLLOVER_RETIRE,
        object_id=KEYS.object_id(turn.name, turn.old_version),
        rollover=str(rollover.pk),
        overridden=turn.overridden,
    )


def _append_event(  # noqa: PLR0917  private, two callers
    grant: Grant,
    rollover: Rollover,
    turn: RolloverKey,
    event_type: EventType,
    version: str,
    data: dict[str, str],
    now: datetime,
) -> None:
    """Append an event of a key. The key is locked first, so that its events are in order. A purged key gets none."""
    if Key.objects.select_for_update(no_key=True).filter(pk=turn.key_id).first() is None:
        return
    subject = Subject("key", turn.key_id, turn.name, version)
    events.append(grant=grant, vault_id=rollover.vault_id, event_type=event_type, subject=subject, now=now, data=data)


def grant_at(rollover: Rollover, turn: RolloverKey, permission: Permission) -> Grant:
    """Return the grant for scheduled work on one key.

    The audit records name who began the rollover, and carry its id as their correlation id.
    """
    scope = Scope.of(rollover.vault, "key", turn.name, turn.key_id)
    request = RequestContext(
        request_id=uuid7(), correlation_id=str(rollover.pk), user_agent=f"rollover begun by {rollover.begun_by}"
    )
    return system_grant(permission, scope=scope, origin="rollover", request=request)
