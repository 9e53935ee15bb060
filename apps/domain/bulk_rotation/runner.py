"""Advances rollovers, a few keys at a time: the scheduler calls `advance` twice a second while there is work.

A new key version is a job of the HSM queue, so the next HSM worker creates it when one is killed. One rollover is
advanced in one transaction under a row lock: a killed scheduler leaves nothing half done, and a second scheduler skips
the locked row. A rollover that only waits for its consumers has the time at which it is due again.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from apps.audit_log.operation_names import Operation
from apps.core.errors import VaultError
from apps.core.job_queue import OPEN_STATES, RetryPolicy
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.bulk_rotation import rules, stages
from apps.domain.bulk_rotation.announcements import grant_at
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.hsm_client.models import Job
from apps.domain.keys import versions
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.keys.operations import creation

logger = logging.getLogger(__name__)

AT_ONCE = 8  # jobs that one rotation has in the queue; a person's job waits behind no more than these
RETRY = RetryPolicy(attempts=3)
_LEFT_WHEN_CANCELLED = (
    RolloverKey.State.WAITING,
    RolloverKey.State.CREATED,
    RolloverKey.State.OBSERVING,
    RolloverKey.State.MOVED,
)


def has_open(*, now: datetime) -> bool:
    """Whether a rollover is due."""
    return _due(now).exists()


def advance(*, grant: Grant, now: datetime) -> int:
    """Settle the keys whose jobs ended and start the next ones. Returns how many keys were settled.

    An error of one rollover (a locked row, a lost database connection) does not stop the others.
    """
    grant.require(Permission.VAULTS_SWEEP)
    settled = 0
    for pk in list(_due(now).order_by("created").values_list("pk", flat=True)):
        try:
            settled += _advance_one(pk, now)
        except DatabaseError as error:
            logger.warning("Rollover %s could not be advanced now (%s)", pk, type(error).__name__)
            connection.close()
    return settled


def _due(now: datetime) -> QuerySet[Rollover]:
    return Rollover.objects.filter(Q(due=None) | Q(due__lte=now), finished=None)


def _advance_one(pk: UUID, now: datetime) -> int:
    with transaction.atomic():
        row = Rollover.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk, finished=None)
        rollover = row.select_related("vault__world").first()
        if rollover is None:
            return 0  # another scheduler has it
        settled = _settle(rollover, now)
        if rollover.state == Rollover.State.RUNNING and not rollover.is_scheduled(now):
            _start_next(rollover, now)
            stages.announce_created(rollover, now)
            if not _has_much_to_create(rollover):
                stages.observe(rollover, now)
                stages.retire(rollover, now)
        _finish(rollover, now)
    return settled


def _has_much_to_create(rollover: Rollover) -> bool:
    """Whether keys wait for new versions beside many that have theirs: to judge all those twice a second takes long."""
    announced = RolloverKey.objects.filter(rollover=rollover, state__in=stages.ANNOUNCED)
    return _keys(rollover, RolloverKey.State.WAITING).exists() and announced.count() > stages.AT_ONCE


def _settle(rollover: Rollover, now: datetime) -> int:
    begun = {row.job_id: row for row in _keys(rollover, RolloverKey.State.BEGUN) if row.job_id}
    ended = Job.objects.filter(pk__in=list(begun)).exclude(state__in=OPEN_STATES)
    for job in ended:
        row = begun[job.pk]
        if job.state == Job.State.DONE:
            is_bulk = rollover.kind == Rollover.Kind.BULK
            row.state = RolloverKey.State.DONE if is_bulk else RolloverKey.State.CREATED
            versions_made = KeyVersion.objects.filter(pk=job.subject_id).values_list("version", flat=True)
            row.new_version = versions_made.first() or ""  # "": the key was purged meanwhile
        elif RETRY.next_try(row.attempts, now=now):
            row.state = RolloverKey.State.WAITING
        else:
            row.state, row.message = RolloverKey.State.FAILED, job.message[:300]
        row.changed = now
        row.save(update_fields=["state", "new_version", "message", "changed"])
    return len(ended)


def _start_next(rollover: Rollover, now: datetime) -> None:
    free = AT_ONCE - _keys(rollover, RolloverKey.State.BEGUN).count()
    for row in _keys(rollover, RolloverKey.State.WAITING).order_by("pk")[: max(free, 0)]:
        row.attempts += 1
        row.changed = now
        try:
            with transaction.atomic():
                _start(rollover, row, now)
        except VaultError as error:
            row.state, row.message = RolloverKey.State.FAILED, error.message[:300]
        row.save(update_fields=["state", "old_version", "job_id", "attempts", "message", "changed"])


def _start(rollover: Rollover, row: RolloverKey, now: datetime) -> None:
    """Submit the job for one key's new version, unless it no longer needs one."""
    key = Key.objects.filter(pk=row.key_id, deleted=None, vault__deleted=None).select_related("current__key").first()
    if key is None or key.current is None:
        row.state, row.message = RolloverKey.State.LEFT, "The key was deleted in the meantime."
        return
    emergency = rollover.kind == Rollover.Kind.EMERGENCY  # which has disabled the old version
    if not emergency and not key.current.enabled:
        row.state, row.message = RolloverKey.State.LEFT, "The key was disabled in the meantime."
        return
    if key.current.created > rollover.created or (emergency and key.current.version != row.old_version):
        row.state, row.message = RolloverKey.State.LEFT, "The key was rotated by someone else in the meantime."
        return
    vault = rollover.vault
    job, _ = creation.start_creation(
        grant=grant_at(rollover, row, Permission.VAULTS_SWEEP),
        vault=vault,
        name=key.name,
        spec=versions.next_version_of(key.current, now=now, disabled_too=emergency),
        operation=Operation.KEY_ROTATE,
        now=now,
    )
    row.state, row.job_id, row.message = RolloverKey.State.BEGUN, job.pk, ""
    row.old_version = key.current.version


def _finish(rollover: Rollover, now: datetime) -> None:
    """End the rollover when all its keys are settled, or note when it is due again."""
    if rollover.state == Rollover.State.CANCELLED:
        waiting = RolloverKey.objects.filter(rollover=rollover, state__in=_LEFT_WHEN_CANCELLED)
        waiting.update(state=RolloverKey.State.LEFT, changed=now)
    states = set(RolloverKey.objects.filter(rollover=rollover).values_list("state", flat=True).distinct())
    if states & set(RolloverKey.OPEN):
        Rollover.objects.filter(pk=rollover.pk).update(due=_next_look(rollover, states, now))
        return
    state = Rollover.State.CANCELLED if rollover.state == Rollover.State.CANCELLED else Rollover.State.DONE
    Rollover.objects.filter(pk=rollover.pk).update(state=state, finished=now)
    grant = scheduled_grant(rollover.vault, origin="rollover")
    append_change(grant, operation=Operation.ROLLOVER_END, rollover=str(rollover.pk), state=state)


def _next_look(rollover: Rollover, states: set[str], now: datetime) -> datetime | None:
    if rollover.starts is not None and rollover.is_scheduled(now):
        return rollover.starts
    working = {RolloverKey.State.BEGUN}
    if rollover.state == Rollover.State.RUNNING:
        working |= {RolloverKey.State.WAITING, RolloverKey.State.CREATED}
    return None if states & working else now + rules.OBSERVE_EVERY


def _keys(rollover: Rollover, state: str) -> QuerySet[RolloverKey]:
    return RolloverKey.objects.filter(rollover=rollover, state=state)
