"""Carries out the auditors' tasks, one after another, and continues an interrupted task where it stopped."""

import logging
from collections.abc import Callable
from datetime import datetime

from apps.audit_reader import evidence_packs, rollover_certificates, tasks
from apps.audit_reader.certifiable_rollovers import NotCertifiable
from apps.audit_reader.log_entries import MissingRecord
from apps.audit_reader.log_verification import check_and_report
from apps.audit_reader.models import Task
from apps.audit_reader.packverify import BadPack
from apps.audit_reader.trusted_keys import trusted_verifiers
from apps.core import job_queue
from apps.core.errors import Unavailable
from apps.core.job_queue import LeaseLost
from apps.domain.bulk_rotation.queries import RolloverNotFound

logger = logging.getLogger(__name__)

VERIFIED_AT_ONCE = 20_000  # records


def work_once(*, clock: Callable[[], datetime]) -> bool:
    """Carry out the oldest task. False: there is none, or the audit worker, which opens records, is not available."""
    _remove_expired_packs(clock())
    task = job_queue.claim(Task.objects.all(), now=clock())
    if task is None:
        return False
    try:
        task.renew(now=clock(), started=task.started or clock())
        _run_task(task, clock)
        task.finish(now=clock(), doing="", result=task.result)
    except LeaseLost:
        _remove_if_cancelled(task)
    except Unavailable as error:
        task.release(doing=error.message[:300])
        return False
    except (NotCertifiable, RolloverNotFound) as error:
        task.fail(doing=error.message[:300], now=clock())
    except (MissingRecord, BadPack) as error:
        task.fail(doing=str(error)[:300], now=clock())
        evidence_packs.remove(task)
    except Exception:
        logger.exception("A task of the auditors failed")
        task.fail(doing="The task failed. The log of the auditor worker has the details.", now=clock())
    return True


def _run_task(task: Task, clock: Callable[[], datetime]) -> None:
    if task.kind == Task.Kind.ROLLOVER:
        task.result = rollover_certificates.create(
            task, progress=lambda done, doing: _save_progress(task, done, doing, clock())
        )
    elif task.kind == Task.Kind.PACK:
        evidence_packs.advance_pack(task, progress=lambda done, doing: _save_progress(task, done, doing, clock()))
    else:
        _verify(task, clock)


def _save_progress(task: Task, done: int, doing: str, now: datetime) -> None:
    task.renew(now=now, done=done, doing=doing[:300], result=task.result)


def _verify(task: Task, clock: Callable[[], datetime]) -> None:
    at = task.first + task.done
    while at < task.last:
        end = min(at + VERIFIED_AT_ONCE, task.last)
        count = check_and_report(log_id=task.log_id, verifiers=trusted_verifiers(), first=at, last=end, now=clock())
        task.result = {"found": task.result.get("found", 0) + count}
        _save_progress(task, end - task.first, f"record {end - 1}", clock())
        at = end


def _remove_expired_packs(now: datetime) -> None:
    for task in tasks.list_expired_packs(now=now):
        evidence_packs.remove(task)
        tasks.mark_file_removed(task)


def _remove_if_cancelled(task: Task) -> None:
    """Remove the files of a cancelled pack. Another worker that has taken the task over needs them."""
    if tasks.get_task(task_id=task.pk).state == Task.State.CANCELLED:
        evidence_packs.remove(task)
