"""One worker at a time has a job, whatever the broker says."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.core import job_queue
from apps.core.job_queue import LeaseLost
from apps.core.sql import select_value
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.hsm_client import client
from apps.domain.hsm_client.lane_client import HsmUnavailable
from apps.domain.hsm_client.models import Job
from apps.domain.keys.rules import BadKeyParameter

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def job(vault):
    grant = system_grant(Permission.VAULTS_CREATE, origin="tests")
    return client.submit(
        grant=grant,
        kind="hsm.create_vault_key",
        operation="VaultPut",
        world="europe",
        subject=("vault", vault.pk),
        object_id="vaults/payroll",
        now=NOW,
    )


def claim(job, *, now):
    return job_queue.claim(Job.objects.filter(pk=job.pk), now=now)


def test_a_new_job_is_stored_as_it_is_returned_with_the_record_of_the_attempt(job, vault):
    columns = [field.attname for field in Job._meta.concrete_fields]
    stored = Job.objects.get(pk=job.pk)
    assert {name: getattr(stored, name) for name in columns} == {name: getattr(job, name) for name in columns}
    assert stored.state == Job.State.QUEUED and stored.claim is stored.leased_until is stored.finished is None
    attempts = "SELECT count(*) FROM audit_event WHERE phase = 'attempt' AND operation = 'VaultPut'"
    assert select_value(attempts) == 1


def test_a_job_is_claimed_once(job):
    assert claim(job, now=NOW) is not None
    assert claim(job, now=NOW) is None
    assert claim(job, now=NOW + timedelta(seconds=2)) is None


def test_a_dead_workers_job_is_taken_over_and_its_result_dropped(job):
    first = claim(job, now=NOW)
    second = claim(job, now=NOW + timedelta(seconds=4))
    assert second is not None
    with pytest.raises(LeaseLost):
        first.finish(now=NOW)
    with pytest.raises(LeaseLost):
        first.fail(now=NOW, error=HsmUnavailable.code, message="late")
    with pytest.raises(LeaseLost):
        first.renew(now=NOW)
    with pytest.raises(LeaseLost):
        first.release()
    second.finish(now=NOW)
    assert Job.objects.get(pk=job.pk).state == Job.State.DONE


def test_renewing_keeps_the_job(job):
    mine = claim(job, now=NOW)
    mine.renew(now=NOW + timedelta(seconds=2))
    assert claim(job, now=NOW + timedelta(seconds=4)) is None


def test_a_released_job_is_taken_by_the_next_worker(job):
    claim(job, now=NOW).release()
    assert claim(job, now=NOW) is not None


def test_a_cancelled_job_is_not_finished(job):
    mine = claim(job, now=NOW)
    assert job.cancel(now=NOW, states=(Job.State.QUEUED,)) is False
    assert job.cancel(now=NOW) is True
    with pytest.raises(LeaseLost):
        mine.finish(now=NOW)
    assert claim(job, now=NOW + timedelta(hours=1)) is None


def test_failed_work_is_tried_again_after_a_growing_pause():
    policy = job_queue.RetryPolicy(first_pause=timedelta(seconds=2), longest_pause=timedelta(seconds=5))
    pauses = [(policy.next_try(failures, now=NOW) - NOW).total_seconds() for failures in (1, 2, 3, 99)]
    assert pauses == [2, 4, 5, 5]
    limited = job_queue.RetryPolicy(attempts=2)
    assert (limited.next_try(1, now=NOW), limited.next_try(2, now=NOW)) == (NOW, None)


def test_a_finished_job_is_not_done_again(job):
    claim(job, now=NOW).finish(now=NOW)
    assert claim(job, now=NOW + timedelta(hours=1)) is None


def test_open_jobs_are_announced_again_and_others_are_not(job):
    Job.objects.filter(pk=job.pk).update(sent=NOW)  # otherwise the machine's time
    assert client.renotify_stale_jobs(now=NOW + timedelta(seconds=1)) == 0
    assert client.renotify_stale_jobs(now=NOW + timedelta(seconds=3)) == 1
    assert client.renotify_stale_jobs(now=NOW + timedelta(seconds=3)) == 0
    mine = claim(job, now=NOW + timedelta(seconds=4))
    assert client.renotify_stale_jobs(now=NOW + timedelta(seconds=6)) == 0
    assert client.renotify_stale_jobs(now=NOW + timedelta(seconds=9)) == 1
    mine.finish(now=NOW + timedelta(seconds=9))
    assert client.renotify_stale_jobs(now=NOW + timedelta(seconds=99)) == 0


def test_whoever_waits_hears_the_workers_error(job):
    mine = claim(job, now=NOW)
    mine.fail(now=NOW, error=BadKeyParameter.code, message="no such curve")
    with pytest.raises(BadKeyParameter, match="no such curve"):
        client.wait(job)


def test_without_an_hsm_nothing_is_left_to_be_made(job, settings, tmp_path):
    settings.LANE_DIR = str(tmp_path)
    from apps.domain.hsm_client import lane_client

    lane_client.client_for.cache_clear()
    with pytest.raises(HsmUnavailable):
        client.wait(job)
    assert Job.objects.get(pk=job.pk).state == Job.State.CANCELLED
    assert claim(job, now=NOW) is None
    lane_client.client_for.cache_clear()
