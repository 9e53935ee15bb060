"""How much one auditor may have made: the disk and the worker are everybody's."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction

from apps.audit_reader import tasks
from apps.audit_reader.models import Task
from apps.audit_reader.tasks import MOST_KEPT, MOST_OPEN, TaskEnded, TaskNotFound, TooManyTasks
from apps.core import job_queue
from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission
from tests.support import actors


@pytest.fixture
def auditors(log):
    """Two of them, each with what they may."""
    log.write(3)
    actors.make_organisation()
    people = [actors.make_person(name, PersonRole.AUDITOR) for name in ("auditor-a", "auditor-b")]
    return [actors.grant_of(person, Permission.AUDIT_READ) for person in people]


def pack(grant, log):
    moment = now()
    hour = timedelta(hours=1)
    times = {"since": moment - hour, "until": moment + hour, "now": moment}
    return tasks.request_pack(grant=grant, log_id=log.id, vault_name="payroll", **times)


def check(grant, log):
    return tasks.request_verification(grant=grant, log_id=log.id, vault_name="payroll", newest=None, now=now())


def finish(task):
    """As the worker does it, the pack's file included."""
    claimed = job_queue.claim(Task.objects.all(), now=now())
    assert claimed.pk == task.pk
    claimed.finish(now=now(), result={"file": f"{task.pk}.zip", "sha256": "00", "bytes": 1})
    return Task.objects.get(pk=task.pk)


def test_so_many_tasks_at_once_are_an_auditors_and_no_more(log, auditors):
    one, other = auditors
    asked = [pack(one, log), *(check(one, log) for _ in range(MOST_OPEN - 1))]
    for ask in (pack, check):
        with pytest.raises(TooManyTasks):
            ask(one, log)
        ask(other, log)
    tasks.cancel(grant=one, task_id=asked[0].pk, now=now())
    check(one, log)


def test_so_many_packs_are_kept_for_an_auditor_and_no_more(log, auditors):
    one, other = auditors
    kept = [finish(pack(one, log)) for _ in range(MOST_KEPT)]
    with pytest.raises(TooManyTasks):
        pack(one, log)
    finish(check(one, log))
    finish(pack(other, log))
    with pytest.raises(TaskEnded):
        tasks.cancel(grant=other, task_id=kept[0].pk, now=now())
    tasks.cancel(grant=one, task_id=kept[0].pk, now=now())
    with pytest.raises(TaskNotFound):
        tasks.fetch(grant=one, task_id=kept[0].pk)
    with pytest.raises(TaskEnded):
        tasks.cancel(grant=one, task_id=kept[0].pk, now=now())
    assert [task.pk for task in tasks.list_expired_packs(now=now())] == [kept[0].pk]
    pack(one, log)


def test_a_pack_that_is_finished_while_it_is_cancelled_is_given_up_with_its_file(log, auditors):
    one, _ = auditors
    asked, finished = pack(one, log), threading.Event()

    def work():
        with transaction.atomic():
            finish(asked)
            finished.set()
            time.sleep(0.5)  # the auditor asks meanwhile
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    assert finished.wait(10)
    tasks.cancel(grant=one, task_id=asked.pk, now=now())
    worker.join()
    assert [task.result["file"] for task in tasks.list_expired_packs(now=now())] == [f"{asked.pk}.zip"]


def test_a_pack_whose_time_is_over_makes_room(log, auditors):
    one, _ = auditors
    kept = [finish(pack(one, log)) for _ in range(MOST_KEPT)]
    assert tasks.list_expired_packs(now=now()) == []
    assert len(tasks.list_expired_packs(now=now() + tasks.KEPT + timedelta(minutes=1))) == MOST_KEPT
    tasks.mark_file_removed(kept[0])
    pack(one, log)
