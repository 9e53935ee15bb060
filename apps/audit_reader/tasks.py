"""Long work of auditors: asked for here, done by `working`. A check writes incidents, a pack writes a file; no more."""

import uuid
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from apps.audit_reader import log_entries
from apps.audit_reader.models import Task
from apps.core.errors import BadRequest, Conflict, NotFound, VaultError
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission

LEASE = timedelta(seconds=15)
KEPT = timedelta(days=7)  # how long a pack can be downloaded
MOST_OPEN = 5  # checks and packs of one auditor that wait or are worked on
MOST_KEPT = 20  # packs of one auditor whose files are there
State = Task.State


class TaskNotFound(NotFound):
    """No such task."""


class NothingInThatTime(BadRequest):
    """The log has no record in the period that was asked for."""


class TaskEnded(Conflict):
    """It is finished or cancelled already."""


class TooManyTasks(Conflict):
    """An auditor has asked for as much as one may: disks and the worker are everybody's."""


class TaskLost(VaultError):
    """Cancelled, or another worker has it: stop."""


@transaction.atomic
def request_verification(*, grant: Grant, log_id: UUID, vault_name: str, newest: int | None, now: datetime) -> Task:
    """Check a whole log, or its newest records. Raises `TooManyTasks`."""
    grant.require(Permission.AUDIT_READ)
    _check_room(grant, Task.Kind.CHECK)
    size, _ = log_entries.head(log_id=log_id)
    first = max(0, size - newest) if newest else 0
    append_change(grant, operation="LogCheck", object_id="log", first=first, records=size - first)
    return Task.objects.create(
        kind=Task.Kind.CHECK,
        log_id=log_id,
        vault_name=vault_name[:24],  # an id is longer: of a vault that is gone
        first=first,
        last=size,
        asked_by_id=grant.principal.id,
        asked_by=grant.principal.name,
        created=now,
    )


@transaction.atomic
def request_pack(
    *, grant: Grant, log_id: UUID, vault_name: str, since: datetime, until: datetime, now: datetime
) -> Task:
    """Pack the evidence of a period. Raises `NothingInThatTime` and `TooManyTasks`."""
    grant.require(Permission.AUDIT_READ)
    if until <= since:
        raise NothingInThatTime("The period ends before it begins.")
    first, last = log_entries.range_of(log_id=log_id, since=since, until=until)
    if last <= first:
        raise NothingInThatTime(f"The log of {vault_name} has no readable record in this time. Choose another period.")
    _check_room(grant, Task.Kind.PACK)
    period = {"since": since.isoformat(), "until": until.isoformat()}
    append_change(grant, operation="LogExport", object_id="log", criteria=period, first=first, records=last - first)
    return Task.objects.create(
        kind=Task.Kind.PACK,
        log_id=log_id,
        vault_name=vault_name[:24],  # an id is longer: of a vault that is gone
        since=since,
        until=until,
        first=first,
        last=last,
        asked_by_id=grant.principal.id,
        asked_by=grant.principal.name,
        created=now,
    )


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
        task.state, task.finished, task.leased_until = State.CANCELLED, now, None
    elif task.state == State.DONE and task.has_file and task.asked_by_id == grant.principal.id:
        task.result["given_up"] = True
    else:
        raise TaskEnded("It has ended already.")
    task.save(update_fields=["state", "finished", "leased_until", "result"])
    append_change(grant, operation="LogTaskCancel", object_id="log", task=str(task_id), kind=task.kind)
    return task


def fetch(*, grant: Grant, task_id: UUID) -> Task:
    """A pack that is handed out, which is recorded. Raises `TaskNotFound`, also when its file has expired."""
    grant.require(Permission.AUDIT_READ)
    task = get_task(task_id=task_id)
    if task.kind != Task.Kind.PACK or task.state != State.DONE or not task.has_file:
        raise TaskNotFound("There is no file of this pack: it is not finished, or has expired.")
    append_change(grant, operation="LogPackDownload", object_id="log", task=str(task_id), sha256=task.result["sha256"])
    return task


def get_task(*, task_id: UUID) -> Task:
    """Raises `TaskNotFound`."""
    task = Task.objects.filter(pk=task_id).first()
    if task is None:
        raise TaskNotFound("There is no such task.")
    return task


def get_pack(*, task_id: UUID) -> Task:
    """Raises `TaskNotFound`, for a check too."""
    task = get_task(task_id=task_id)
    if task.kind != Task.Kind.PACK:
        raise TaskNotFound("There is no such task.")
    return task


def list_tasks(*, kind: str, limit: int) -> list[Task]:
    """The latest first."""
    return list(Task.objects.filter(kind=kind).order_by("-created")[:limit])


# --- For the worker: its bookkeeping, not acts of a principal ---


def claim(*, now: datetime) -> Task | None:
    """Take the oldest task that nobody works on."""
    free = Q(state=State.QUEUED) | Q(state=State.RUNNING, leased_until__lt=now)
    task = Task.objects.filter(free).order_by("created").first()
    if task is None:
        return None
    mine = {"state": State.RUNNING, "claim": uuid.uuid4(), "leased_until": now + LEASE, "started": task.started or now}
    if Task.objects.filter(free, pk=task.pk).update(**mine) != 1:
        return None
    return Task.objects.get(pk=task.pk)


def step(task: Task, *, done: int, doing: str, now: datetime) -> None:
    """So far it has come. Raises `TaskLost`."""
    task.done, task.doing = done, doing[:300]
    _write(task, done=done, doing=task.doing, result=task.result, leased_until=now + LEASE)


def finish(task: Task, *, now: datetime) -> None:
    """It is done. Raises `TaskLost`."""
    _write(task, state=State.DONE, finished=now, leased_until=None, doing="", result=task.result)


def fail(task: Task, *, why: str, now: datetime) -> None:
    """It cannot be done. Raises `TaskLost`."""
    _write(task, state=State.FAILED, finished=now, leased_until=None, doing=why[:300])


def release(task: Task, *, why: str) -> None:
    """Whoever opens records is away: the task waits. Raises `TaskLost`."""
    _write(task, state=State.QUEUED, leased_until=None, doing=why[:300])


def expired(*, now: datetime) -> list[Task]:
    """Packs whose file goes."""
    rows = Task.objects.filter(
        Q(finished__lt=now - KEPT) | Q(result__given_up=True), kind=Task.Kind.PACK, state=State.DONE
    )
    return [task for task in rows if task.result.get("file")]


def delete_file(task: Task) -> None:
    """Its file is gone."""
    Task.objects.filter(pk=task.pk).update(result={**task.result, "file": ""})


def _kept(asked_by_id: UUID) -> QuerySet[Task]:
    mine = Task.objects.filter(asked_by_id=asked_by_id, kind=Task.Kind.PACK, state=State.DONE)
    return mine.exclude(result__file="").exclude(result__has_key="given_up")


def _check_room(grant: Grant, kind: Task.Kind) -> None:
    """One request after another, so that two at once do not both find the last place."""
    who = grant.principal.id
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"auditors' tasks {who}"])
    if Task.objects.filter(asked_by_id=who, state__in=[State.QUEUED, State.RUNNING]).count() >= MOST_OPEN:
        raise TooManyTasks(f"{MOST_OPEN} checks and packs of yours are at work. Wait until one is done, or cancel one.")
    if kind == Task.Kind.PACK and _kept(who).count() >= MOST_KEPT:
        raise TooManyTasks(
            f"{MOST_KEPT} packs of yours are kept. Delete one, or wait: each goes after {KEPT.days} days."
        )


def _write(task: Task, **values: object) -> None:
    mine = Task.objects.filter(pk=task.pk, claim=task.claim, state=State.RUNNING)
    if mine.update(**values) != 1:
        raise TaskLost("The task was cancelled, or another worker has it.")
