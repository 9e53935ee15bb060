"""Advances bulk rotations, a few keys at a time: the scheduler calls `advance` twice a second while there are any.

A new key version is a job of the HSM queue, so the next HSM worker creates it when one is killed. One rotation is
advanced in one transaction under a row lock: a killed scheduler leaves nothing half done, and a second scheduler skips
the locked row.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import QuerySet

from apps.audit_log.operation_names import Operation
from apps.core.errors import VaultError
from apps.core.ids import uuid7
from apps.core.job_queue import OPEN_STATES, RetryPolicy
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant, system_grant
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.hsm_client.models import Job
from apps.domain.keys import versions
from apps.domain.keys.models import Key
from apps.domain.keys.operations import creation

logger = logging.getLogger(__name__)

AT_ONCE = 8  # jobs that one rotation has in the queue; a person's job waits behind no more than these
RETRY = RetryPolicy(attempts=3)


def has_open() -> bool:
    """Whether a bulk rotation is not finished."""
    return Rollover.objects.filter(finished=None).exists()


def advance(*, grant: Grant, now: datetime) -> int:
    """Settle the keys whose jobs ended and start the next ones. Returns how many keys were settled.

    An error of one rotation (a locked row, a lost database connection) does not stop the others.
    """
    grant.require(Permission.VAULTS_SWEEP)
    settled = 0
    for pk in list(Rollover.objects.filter(finished=None).order_by("created").values_list("pk", flat=True)):
        try:
            settled += _advance_one(pk, now)
        except DatabaseError as error:
            logger.warning("Bulk rotation %s could not be advanced now (%s)", pk, type(error).__name__)
            connection.close()
    return settled


def _advance_one(pk: UUID, now: datetime) -> int:
    with transaction.atomic():
        row = Rollover.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk, finished=None)
        rollover = row.select_related("vault__world").first()
        if rollover is None:
            return 0  # another scheduler has it
        settled = _settle(rollover, now)
        _start_next(rollover, now)
        _finish(rollover, now)
    return settled


def _settle(rollover: Rollover, now: datetime) -> int:
    begun = {row.job_id: row for row in _keys(rollover, RolloverKey.State.BEGUN) if row.job_id}
    ended = Job.objects.filter(pk__in=list(begun)).exclude(state__in=OPEN_STATES)
    for job in ended:
        row = begun[job.pk]
        if job.state == Job.State.DONE:
            row.state = RolloverKey.State.DONE
        elif RETRY.next_try(row.attempts, now=now):
            row.state = RolloverKey.State.WAITING
        else:
            row.state, row.message = RolloverKey.State.FAILED, job.message[:300]
        row.changed = now
        row.save(update_fields=["state", "message", "changed"])
    return len(ended)


def _start_next(rollover: Rollover, now: datetime) -> None:
    if rollover.state != Rollover.State.RUNNING:
        return
    free = AT_ONCE - _keys(rollover, RolloverKey.State.BEGUN).count()
    for row in _keys(rollover, RolloverKey.State.WAITING).order_by("pk")[: max(free, 0)]:
        row.attempts += 1
        row.changed = now
        try:
            with transaction.atomic():
                _start(rollover, row, now)
        except VaultError as error:
            row.state, row.message = RolloverKey.State.FAILED, error.message[:300]
        row.save(update_fields=["state", "job_id", "attempts", "message", "changed"])


def _start(rollover: Rollover, row: RolloverKey, now: datetime) -> None:
    """Submit the job for one key's new version, unless it no longer needs one."""
    key = Key.objects.filter(pk=row.key_id, deleted=None, vault__deleted=None).select_related("current__key").first()
    if key is None or key.current is None:
        row.state, row.message = RolloverKey.State.LEFT, "The key was deleted in the meantime."
        return
    if not key.current.enabled:
        row.state, row.message = RolloverKey.State.LEFT, "The key was disabled in the meantime."
        return
    if key.current.created > rollover.created:
        row.state, row.message = RolloverKey.State.LEFT, "The key was rotated by someone else in the meantime."
        return
    vault = rollover.vault
    job, _ = creation.start_creation(
        grant=_grant_at(rollover, key),
        vault=vault,
        name=key.name,
        spec=versions.next_version_of(key.current, now=now),
        operation=Operation.KEY_ROTATE,
        now=now,
    )
    row.state, row.job_id, row.message = RolloverKey.State.BEGUN, job.pk, ""


def _finish(rollover: Rollover, now: datetime) -> None:
    if rollover.state == Rollover.State.CANCELLED:
        _keys(rollover, RolloverKey.State.WAITING).update(state=RolloverKey.State.LEFT, changed=now)
    open_states = (RolloverKey.State.WAITING, RolloverKey.State.BEGUN)
    if RolloverKey.objects.filter(rollover=rollover, state__in=open_states).exists():
        return
    state = Rollover.State.CANCELLED if rollover.state == Rollover.State.CANCELLED else Rollover.State.DONE
    Rollover.objects.filter(pk=rollover.pk).update(state=state, finished=now)
    grant = scheduled_grant(rollover.vault, origin="rollover")
    append_change(grant, operation=Operation.ROLLOVER_END, rollover=str(rollover.pk), state=state)


def _keys(rollover: Rollover, state: str) -> QuerySet[RolloverKey]:
    return RolloverKey.objects.filter(rollover=rollover, state=state)


def _grant_at(rollover: Rollover, key: Key) -> Grant:
    """The audit records name who started the rotation, and carry its id as their correlation id."""
    scope = Scope.of(rollover.vault, "key", key.name, key.pk)
    request = RequestContext(
        request_id=uuid7(), correlation_id=str(rollover.pk), user_agent=f"rollover begun by {rollover.begun_by}"
    )
    return system_grant(Permission.VAULTS_SWEEP, scope=scope, origin="rollover", request=request)
