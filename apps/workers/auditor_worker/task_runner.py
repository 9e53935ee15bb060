"""The worker of the auditors' long work: takes one task after another, a step at a time, and goes on where it was."""

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from apps.audit_log.models import Incident
from apps.audit_reader import evidence_packs, tasks
from apps.audit_reader.decryption import Unreadable
from apps.audit_reader.log_verification import check
from apps.audit_reader.models import Task
from apps.audit_reader.packverify import BadPack
from apps.audit_reader.tasks import TaskLost
from apps.audit_reader.trusted_keys import trusted_verifiers
from apps.core.errors import Unavailable

logger = logging.getLogger(__name__)

CHECKED_AT_ONCE = 20_000  # records


def work_once(*, clock: Callable[[], datetime]) -> bool:
    """Carry out the oldest task, if there is one. False: nothing to do, or whoever opens records is away."""
    _tidy(clock())
    task = tasks.claim(now=clock())
    if task is None:
        return False
    try:
        _carry_out(task, clock)
        tasks.finish(task, now=clock())
    except TaskLost:
        _forget_unless_running(task)
    except Unavailable as error:
        tasks.release(task, why=error.message)
        return False
    except (Unreadable, BadPack) as error:
        tasks.fail(task, why=str(error), now=clock())
        evidence_packs.remove(task)
    except Exception:
        logger.exception("A task of the auditors failed")
        tasks.fail(task, why="It failed here. The log of the process has the details.", now=clock())
    return True


def _carry_out(task: Task, clock: Callable[[], datetime]) -> None:
    if task.kind == Task.Kind.PACK:
        evidence_packs.advance_pack(
            task, progress=lambda done, doing: tasks.step(task, done=done, doing=doing, now=clock())
        )
    else:
        _check(task, clock)


def _check(task: Task, clock: Callable[[], datetime]) -> None:
    at = task.first + task.done
    while at < task.last:
        end = min(at + CHECKED_AT_ONCE, task.last)
        found = check(log_id=task.log_id, verifiers=trusted_verifiers(), first=at, last=end)
        for finding in found:
            Incident.objects.get_or_create(
                log_id=task.log_id,
                seq=finding.seq,
                event_id=UUID(finding.id) if finding.id else None,
                problem=finding.problem,
                sentence=finding.sentence,
                defaults={"found": clock()},
            )
        task.result = {"found": task.result.get("found", 0) + len(found)}
        tasks.step(task, done=end - task.first, doing=f"record {end - 1}", now=clock())
        at = end


def _tidy(now: datetime) -> None:
    """Packs that were there long enough go."""
    for task in tasks.expired(now=now):
        evidence_packs.remove(task)
        tasks.delete_file(task)


def _forget_unless_running(task: Task) -> None:
    """A cancelled pack leaves nothing behind; one that another worker has keeps what is there."""
    if tasks.get_task(task_id=task.pk).state == Task.State.CANCELLED:
        evidence_packs.remove(task)
