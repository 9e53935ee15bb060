"""Long tasks of auditors: requested here, carried out by the auditor worker.

A verification writes incidents, an evidence pack writes files; neither writes anything else.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.audit_log.operation_names import Operation
from apps.audit_reader import log_entries
from apps.audit_reader.certifiable_rollovers import check_certifiable
from apps.audit_reader.models import Task
from apps.core.errors import BadRequest, Conflict, NotFound
from apps.core.job_queue import OPEN_STATES, JobState
from apps.core.sql import execute
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.vaults.models import Vault

KEPT = timedelta(days=7)  # how long a pack can be downloaded
MOST_OPEN = 5  # checks and packs of one auditor that wait or are worked on
MOST_KEPT = 20  # packs of one auditor whose files are there


class TaskNotFound(NotFound):
    """No such task."""


class NothingInThatTime(BadRequest):
    """The log has no record in the period that was asked for."""


class TaskEnded(Conflict):
    """It is finished or cancelled already."""


class TooManyTasks(Conflict):
    """An auditor has reached the limit: disk and worker are shared."""


@transaction.atomic
def request_verification(*, grant: Grant, log_id: UUID, vault_name: str, newest: int | None, now: datetime) -> Task:
    """Request the verification of a whole log, or of its newest records. Raises `TooManyTasks`."""
    grant.require(Permission.AUDIT_READ)
    _check_limits(grant, Task.Kind.CHECK)
    size, _ = log_entries.head(log_id=log_id)
    first = max(0, size - newest) if newest else 0
    append_change(grant, operation=Operation.LOG_CHECK, object_id="log", first=first, records=size - first)
    return _create(grant, Task(kind=Task.Kind.CHECK, log_id=log_id, first=first, last=size), vault_name, now)


@transaction.atomic
def request_pack(
    *, grant: Grant, log_id: UUID, vault_name: str, since: datetime, until: datetime, now: datetime
) -> Task:
    """Request an evidence pack of a period. Raises `NothingInThatTime` and `TooManyTasks`."""
    grant.require(Permission.AUDIT_READ)
    if until <= since:
        raise NothingInThatTime("The period ends before it begins.")
    first, last = log_entries.range_of(log_id=log_id, since=since, until=until)
    if last <= first:
        raise NothingInThatTime(f"The log of {vault_name} has no readable record in this time. Choose another period.")
    _check_limits(grant, Task.Kind.PACK)
    period = {"since": since.isoformat(), "until": until.isoformat()}
    append_change(
        grant, operation=Operation.LOG_EXPORT, object_id="log", criteria=period, first=first, records=last - first
    )
    task = Task(kind=Task.Kind.PACK, log_id=log_id, since=since, until=until, first=first, last=last)
    return _create(grant, task, vault_name, now)


@transaction.atomic
def request_rollover_certificate(*, grant: Grant, rollover_id: UUID, key: str, now: datetime) -> Task:
    """Request the certificate of one key of a rollover. Raises `NotCertifiable`, `RolloverNotFound`, `TooManyTasks`."""
    grant.require(Permission.AUDIT_READ)
    rollover, turn = check_certifiable(rollover_id=rollover_id, key=key)
    _check_limits(grant, Task.Kind.ROLLOVER)
    append_change(grant, operation=Operation.LOG_ROLLOVER_CERTIFICATE, object_id="log", rollover=str(rollover_id))
    result = {"rollover": str(rollover_id), "key": turn.name}
    task = Task(kind=Task.Kind.ROLLOVER, log_id=rollover.vault_id, result=result)
    return _create(grant, task, rollover.vault.name, now)


@transaction.atomic
def cancel(*, grant: Grant, task_id: UUID, now: datetime) -> Task:
    """Stop a task at its next step, or give up the file of one's own finished pack.

    Raises `TaskNotFound` and `TaskEnded`.
    """
    grant.require(Permission.AUDIT_READ)
    task = Task.objects.select_for_update().filter(pk=task_id).first()  # the worker may be about to finish it
    if task is None:
        raise TaskNotFound("There is no such task.")
    if task.is_open:
        task.cancel(now=now)
        task.state, task.finished = JobState.CANCELLED, now
    elif task.state == JobState.DONE and task.has_file and task.asked_by_id == grant.principal.id:
        task.result["given_up"] = True
        task.save(update_fields=["result"])
    else:
        raise TaskEnded("It has ended already.")
    append_change(grant, operation=Operation.LOG_TASK_CANCEL, object_id="log", task=str(task_id), kind=task.kind)
    return task


def fetch(*, grant: Grant, task_id: UUID) -> Task:
    """Record the download of a pack. Raises `TaskNotFound`, also when its file has expired."""
    grant.require(Permission.AUDIT_READ)
    task = get_task(task_id=task_id)
    if task.kind != Task.Kind.PACK or task.state != JobState.DONE or not task.has_file:
        raise TaskNotFound("There is no file of this pack: it is not finished, or has expired.")
    append_change(
        grant, operation=Operation.LOG_PACK_DOWNLOAD, object_id="log", task=str(task_id), sha256=task.result["sha256"]
    )
    return task


def get_task(*, task_id: UUID) -> Task:
    """Load a task. Raises `TaskNotFound`."""
    task = Task.objects.filter(pk=task_id).first()
    if task is None:
        raise TaskNotFound("There is no such task.")
    return task


def get_pack(*, task_id: UUID) -> Task:
    """Load an evidence pack. Raises `TaskNotFound`, for a verification too."""
    task = get_task(task_id=task_id)
    if task.kind != Task.Kind.PACK:
        raise TaskNotFound("There is no such task.")
    return task


def get_certificate(*, task_id: UUID) -> Task:
    """Load a task of a rollover certificate. Raises `TaskNotFound`, for another task too."""
    task = get_task(task_id=task_id)
    if task.kind != Task.Kind.ROLLOVER:
        raise TaskNotFound("There is no such task.")
    return task


def list_tasks(*, kind: str, limit: int) -> list[Task]:
    """Load tasks of a kind, the latest first."""
    return list(Task.objects.filter(kind=kind).order_by("-created")[:limit])


def list_expired_packs(*, now: datetime) -> list[Task]:
    """Packs whose file is to be removed: kept long enough, or given up."""
    rows = Task.objects.filter(
        Q(finished__lt=now - KEPT) | Q(result__given_up=True), kind=Task.Kind.PACK, state=JobState.DONE
    )
    return [task for task in rows if task.result.get("file")]


def mark_file_removed(task: Task) -> None:
    """Note that the pack's file was removed."""
    Task.objects.filter(pk=task.pk).update(result={**task.result, "file": ""})


def _create(grant: Grant, task: Task, vault_name: str, now: datetime) -> Task:
    # Checkpoints are signed with the vault's name, also when the log was named by its id. For a vault that no longer
    # exists it is the id, which is longer than a name.
    name = Vault.objects.filter(pk=task.log_id).values_list("name", flat=True).first()
    task.vault_name = name or vault_name[:24]
    task.asked_by_id, task.asked_by, task.created = grant.principal.id, grant.principal.name, now
    task.save(force_insert=True)
    return task


def _kept_packs(asked_by_id: UUID) -> QuerySet[Task]:
    packs = Task.objects.filter(asked_by_id=asked_by_id, kind=Task.Kind.PACK, state=JobState.DONE)
    return packs.exclude(result__file="").exclude(result__has_key="given_up")


def _check_limits(grant: Grant, kind: Task.Kind) -> None:
    """Raise `TooManyTasks`. Requests of one person run one after another, so that two cannot take the last place."""
    person_id = grant.principal.id
    execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"auditors' tasks {person_id}"])
    if Task.objects.filter(asked_by_id=person_id, state__in=OPEN_STATES).count() >= MOST_OPEN:
        raise TooManyTasks(f"{MOST_OPEN} of your verifications and packs are running. Wait, or cancel one.")
    if kind == Task.Kind.PACK and _kept_packs(person_id).count() >= MOST_KEPT:
        raise TooManyTasks(
            f"{MOST_KEPT} packs of yours are kept. Delete one, or wait: each goes after {KEPT.days} days."
        )
