"""Starts, pauses, resumes and cancels rollovers, and requests retirements; `runner.py` carries them out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.audit_log.operation_names import Operation
from apps.core.digests import digest_of
from apps.core.errors import BadRequest, Conflict
from apps.core.sql import execute
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, Scope, authorize
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.models import GuardedOperation
from apps.domain.bulk_rotation import rehearsals
from apps.domain.bulk_rotation.announcements import announce_retirement
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.bulk_rotation.queries import get_rollover
from apps.domain.bulk_rotation.rules import DEFAULT_QUIET_DAYS
from apps.domain.keys import versions
from apps.domain.keys.kind import KEYS
from apps.domain.keys.operations import retirement
from apps.domain.vaults.models import Vault

_State = Rollover.State
_MOST_NAMES = 20  # of keys that an approver reads
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

# One statement for any number of keys. Keys of certificates are rotated by the certificates, so they are left out, and
# so are keys that another rollover has.
_SELECT_KEYS = """
    INSERT INTO rollovers_rolloverkey (id, rollover_id, key_id, name, state, attempts, message)
    SELECT gen_random_uuid(), %(rollover)s, k.id, k.name, 'waiting', 0, '' FROM keys_key k
    JOIN keys_keyversion v ON v.id = k.current_id
    WHERE k.vault_id = %(vault)s AND k.deleted IS NULL AND NOT k.managed AND v.enabled AND v.created <= %(before)s
    AND (%(name)s = '' OR k.folded_name = %(name)s)
    AND NOT EXISTS (SELECT FROM rollovers_rolloverkey r WHERE r.key_id = k.id AND r.state = ANY(%(open)s))"""


class RolloverOpen(Conflict):
    """The vault has an unfinished bulk rotation, or the key an unfinished rollover."""


class NothingToRotate(BadRequest):
    """No key matches."""

    code = "NothingToRoll"


class BadRolloverState(Conflict):
    """The rollover is finished, or its kind does not allow the change: only a staged one retires on request."""


class NotMoved(Conflict):
    """No old version can be retired now: consumers have not moved, or a rehearsal is not over."""


@dataclass(frozen=True, slots=True)
class RolloverPlan:
    """The parameters of a bulk rotation or a staged rollover.

    `kind`: a `Rollover.Kind`. `key`: one name, "" for all keys whose current version is `older_than_days` old.
    `quiet_days`: the days without a call after which a consumer has moved. `starts`: aware, None for now.
    """

    reason: str
    kind: str = Rollover.Kind.BULK
    key: str = ""
    older_than_days: int = 0
    quiet_days: int = DEFAULT_QUIET_DAYS
    automatic: bool = False  # retire old versions without a request when their consumers have moved
    starts: datetime | None = None


def start(*, grant: Grant, vault: Vault, plan: RolloverPlan, now: datetime) -> Rollover:
    """Start a rollover of one key, or of every enabled key whose current version is old enough.

    Keys of certificates are left out. An automatic one needs the permission to disable versions as well. Raises
    `RolloverOpen`, `NothingToRotate`, `KeyNotFound`, `KeyDisabled`, `ObjectManaged`, `NotAuthorised`.
    """
    grant.require(Permission.KEYS_ROTATE, vault_id=vault.pk)
    if plan.automatic and plan.kind == Rollover.Kind.STAGED:  # it disables versions without a further request
        authorize(grant.principal, Permission.KEYS_UPDATE, Scope.of(vault), grant.request)
    if plan.key:
        _check_key(vault, plan.key, now)
    try:
        with transaction.atomic():
            row = _create(grant, vault, plan, now)
            selection = {
                "rollover": row.pk,
                "vault": vault.pk,
                "before": now - timedelta(days=plan.older_than_days),
                "name": plan.key.lower(),
                "open": list(RolloverKey.OPEN),
            }
            row.total = execute(_SELECT_KEYS, selection)
            if not row.total:
                raise NothingToRotate(
                    "No key of this vault has a current version of this age, or each has a rollover already. Nothing "
                    "was started."
                )
            _record_start(grant, row)
    except IntegrityError:
        message = "A bulk rotation of this vault is not finished yet. Wait for it, or cancel it first."
        raise RolloverOpen(message) from None
    return row


def start_emergency(*, grant: Grant, rotate: Grant, vault: Vault, name: str, reason: str, now: datetime) -> Rollover:
    """Disable the current version of a key now, and start a new one. `grant`: to disable; `rotate`: to rotate.

    It replaces an unfinished rollover of the key, and ends its rehearsal. Raises `KeyNotFound`, `ObjectManaged`, and
    `RolloverOpen` when another one begins at the same moment.
    """
    grant.require(Permission.KEYS_UPDATE, vault_id=vault.pk)
    rotate.require(Permission.KEYS_ROTATE, vault_id=vault.pk)
    current = KEYS.get_version(vault.pk, name)
    KEYS.check_unmanaged(current.key)
    with _one_rollover_of_a_key(current.key.name), transaction.atomic():
        replaced = RolloverKey.objects.filter(key_id=current.key.pk, state__in=RolloverKey.OPEN)
        Rollover.objects.filter(pk__in=replaced.values("rollover_id")).update(due=None)  # it may have ended
        replaced.update(state=RolloverKey.State.LEFT, message="An emergency rollover replaced this one.", changed=now)
        rehearsals.end_marks_of_key(current.key.pk)
        row = _create(grant, vault, RolloverPlan(reason, Rollover.Kind.EMERGENCY, current.key.name), now)
        turn = RolloverKey.objects.create(
            rollover=row, key_id=current.key.pk, name=current.key.name, old_version=current.version, retired=now
        )
        row.total = 1
        _record_start(grant, row)
        retirement.disable_version(grant=grant, vault=vault, name=name, version=current.version, now=now)
        announce_retirement(row, turn, now=now)
    return row


def retire(*, grant: Grant, rollover_id: UUID, override: bool, now: datetime) -> Rollover:
    """Request the retirement of the old versions whose consumers have moved; with `override`, of all others too.

    An override needs a second person. Raises `RolloverNotFound`, `BadRolloverState`, `NotMoved`, `ApprovalRequired`.
    """
    row = get_rollover(rollover_id=rollover_id)
    grant.require(Permission.KEYS_UPDATE, vault_id=row.vault_id)
    if row.kind != Rollover.Kind.STAGED or row.finished is not None:
        raise BadRolloverState("Only a staged rollover that is not finished retires old versions.")
    turns = RolloverKey.objects.filter(rollover=row)
    moved = turns.filter(state=RolloverKey.State.MOVED)
    if not override and moved.filter(rehearsed_until__gt=now).exists():
        raise NotMoved("The rehearsal is not over. Wait for its end, or end it first.")
    behind = turns.filter(state=RolloverKey.State.OBSERVING)
    if not override and not moved.exists():
        raise NotMoved(
            "Consumers still use the old version, or the days without a call are not over. See the consumers of the "
            "key. An override needs the approval of a second person."
        )
    seen = dict(behind.order_by("name").values_list("pk", "name"))
    names = list(seen.values())
    with approvals.approved_operation(
        grant=grant,
        act=GuardedOperation.ROLLOVER_OVERRIDE,
        guarded=override,
        subject=KEYS.object_id(names[0]) if len(names) == 1 else f"{len(names)} keys",
        change={"rollover": row.reason, "keys with consumers": ", ".join(names[:_MOST_NAMES])},
        now=now,
        basis={"rollover": str(row.pk), "keys": digest_of(names)},
    ):
        Rollover.objects.select_for_update().get(pk=row.pk)  # first, as the runner, which changes the stages
        moved.update(released=True)
        if override and not seen.keys() >= set(behind.values_list("pk", flat=True)):
            raise NotMoved("Consumers of another key have come back at this moment. Look at the keys, and try again.")
        overridden = behind.update(released=True, overridden=True) if override else 0
        Rollover.objects.filter(pk=row.pk).update(due=None)
        append_change(grant, operation=Operation.ROLLOVER_RELEASE, rollover=str(row.pk), overridden=overridden)
    return row


@contextmanager
def _one_rollover_of_a_key(name: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        message = f"Another rollover of the key {name} has begun at this moment. Look at the key, and try again."
        raise RolloverOpen(message) from None


def _check_key(vault: Vault, name: str, now: datetime) -> None:
    current = KEYS.get_version(vault.pk, name)
    KEYS.check_unmanaged(current.key)
    versions.next_version_of(current, now=now)
    if RolloverKey.objects.filter(key_id=current.key.pk, state__in=RolloverKey.OPEN).exists():
        raise RolloverOpen(f"The key {current.key.name} has a rollover that is not finished. Cancel it first.")


def _create(grant: Grant, vault: Vault, plan: RolloverPlan, now: datetime) -> Rollover:
    return Rollover.objects.create(
        vault=vault,
        kind=plan.kind,
        reason=plan.reason.strip()[:300],
        begun_by_id=grant.principal.id,
        begun_by=grant.principal.name,
        quiet_days=plan.quiet_days if plan.kind == Rollover.Kind.STAGED else 0,
        automatic=plan.automatic and plan.kind == Rollover.Kind.STAGED,
        starts=plan.starts if plan.starts is not None and plan.starts > now else None,
        created=now,
    )


def _record_start(grant: Grant, row: Rollover) -> None:
    Rollover.objects.filter(pk=row.pk).update(total=row.total)
    append_change(
        grant,
        operation=Operation.ROLLOVER_BEGIN,
        rollover=str(row.pk),
        kind=row.kind,
        keys=row.total,
        reason=row.reason,
    )


def set_state(*, grant: Grant, rollover_id: UUID, state: str) -> Rollover:
    """Pause, resume or cancel a rollover between two keys. Raises `RolloverNotFound`, `BadRolloverState`.

    A cancelled rollover leaves the new versions, and the old ones enabled.
    """
    row = get_rollover(rollover_id=rollover_id)
    grant.require(Permission.KEYS_ROTATE, vault_id=row.vault_id)
    with transaction.atomic():
        locked = Rollover.objects.select_for_update().get(pk=row.pk)
        if locked.finished is not None or state not in _MOVES.get(_State(locked.state), set()):
            raise BadRolloverState(f"This rollover is {locked.state} and cannot become {state[:20]}.")
        Rollover.objects.filter(pk=row.pk).update(state=state, due=None)
        if state == _State.CANCELLED:
            rehearsals.end_marks(row)
        append_change(grant, operation=_OPERATIONS[_State(state)], rollover=str(row.pk))
    row.state = state
    return row
