"""Start, pause, resume and cancel bulk rotations. `runner.py` carries them out."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest, Conflict
from apps.core.sql import execute
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation.models import Rollover
from apps.domain.bulk_rotation.queries import get_rollover
from apps.domain.vaults.models import Vault

_State = Rollover.State
# Allowed changes of state. After a cancellation, keys whose jobs are open are still settled.
_MOVES = {
    _State.RUNNING: {_State.PAUSED, _State.CANCELLED},
    _State.PAUSED: {_State.RUNNING, _State.CANCELLED},
}
_OPERATIONS = {
    _State.PAUSED: Operation.ROLLOVER_PAUSE,
    _State.RUNNING: Operation.ROLLOVER_RESUME,
    _State.CANCELLED: Operation.ROLLOVER_CANCEL,
}

# One statement for any number of keys. Keys of certificates are rotated by the certificates, so they are left out.
_SELECT_KEYS = """
    INSERT INTO rollovers_rolloverkey (id, rollover_id, key_id, name, state, attempts, message)
    SELECT gen_random_uuid(), %(rollover)s, k.id, k.name, 'waiting', 0, '' FROM keys_key k
    JOIN keys_keyversion v ON v.id = k.current_id
    WHERE k.vault_id = %(vault)s AND k.deleted IS NULL AND NOT k.managed AND v.enabled AND v.created <= %(before)s"""


class RolloverOpen(Conflict):
    """The vault has a bulk rotation that is not finished."""


class NothingToRotate(BadRequest):
    """No key matches."""

    code = "NothingToRoll"


class BadRolloverState(Conflict):
    """A finished bulk rotation cannot be paused, resumed or cancelled."""


def start(*, grant: Grant, vault: Vault, older_than_days: int, reason: str, now: datetime) -> Rollover:
    """Start the rotation of every enabled key whose current version is at least `older_than_days` old.

    Keys of certificates are left out. Raises `RolloverOpen`, `NothingToRotate`.
    """
    grant.require(Permission.KEYS_ROTATE, vault_id=vault.pk)
    before = now - timedelta(days=older_than_days)
    try:
        with transaction.atomic():
            row = Rollover.objects.create(
                vault=vault,
                reason=reason.strip()[:300],
                begun_by_id=grant.principal.id,
                begun_by=grant.principal.name,
                created=now,
            )
            row.total = execute(_SELECT_KEYS, {"rollover": row.pk, "vault": vault.pk, "before": before})
            if not row.total:
                raise NothingToRotate("No key of this vault has a current version of this age. Nothing was started.")
            Rollover.objects.filter(pk=row.pk).update(total=row.total)
            append_change(
                grant, operation=Operation.ROLLOVER_BEGIN, rollover=str(row.pk), keys=row.total, reason=row.reason
            )
    except IntegrityError:
        message = "A bulk rotation of this vault is not finished yet. Wait for it, or cancel it first."
        raise RolloverOpen(message) from None
    return row


def set_state(*, grant: Grant, rollover_id: UUID, state: str) -> Rollover:
    """Pause, resume or cancel a rotation between two keys. Raises `RolloverNotFound`, `BadRolloverState`."""
    row = get_rollover(rollover_id=rollover_id)
    grant.require(Permission.KEYS_ROTATE, vault_id=row.vault_id)
    with transaction.atomic():
        locked = Rollover.objects.select_for_update().get(pk=row.pk)
        if locked.finished is not None or state not in _MOVES.get(_State(locked.state), set()):
            raise BadRolloverState(f"This bulk rotation is {locked.state} and cannot become {state[:20]}.")
        Rollover.objects.filter(pk=row.pk).update(state=state)
        append_change(grant, operation=_OPERATIONS[_State(state)], rollover=str(row.pk))
    row.state = state
    return row
