"""One worker at a time has a job, whatever the broker says."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.hsm_client import client, leases
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


def test_a_job_is_claimed_once(job):
    assert leases.claim(job_id=job.pk, now=NOW) is not None
    assert leases.claim(job_id=job.pk, now=NOW) is None
    assert leases.claim(job_id=job.pk, now=NOW + timedelta(seconds=2)) is None


def test_a_dead_workers_job_is_taken_over_and_its_result_dropped(job):
    first = leases.claim(job_id=job.pk, now=NOW)
    second = leases.claim(job_id=job.pk, now=NOW + timedelta(seconds=4))
    assert second is not None
    with pytest.raises(leases.LeaseLost):
        leases.finish(first, now=NOW)
    assert leases.fail(first, error=HsmUnavailable("late"), now=NOW) is False
    leases.finish(second, now=NOW)
    assert Job.objects.get(pk=job.pk).state == Job.State.DONE


def test_renewing_keeps_the_job(job):
    mine = leases.claim(job_id=job.pk, now=NOW)
    leases.renew(mine, now=NOW + timedelta(seconds=2))
    assert leases.claim(job_id=job.pk, now=NOW + timedelta(seconds=4)) is None


def test_a_finished_job_is_not_done_again(job):
    leases.finish(leases.claim(job_id=job.pk, now=NOW), now=NOW)
    assert leases.claim(job_id=job.pk, now=NOW + timedelta(hours=1)) is None


def test_open_jobs_are_announced_again_and_others_are_not(job):
    assert leases.renotify_stale_jobs(now=NOW + timedelta(seconds=1)) == 0
    assert leases.renotify_stale_jobs(now=NOW + timedelta(seconds=3)) == 1
    assert leases.renotify_stale_jobs(now=NOW + timedelta(seconds=3)) == 0
    mine = leases.claim(job_id=job.pk, now=NOW + timedelta(seconds=4))
    assert leases.renotify_stale_jobs(now=NOW + timedelta(seconds=6)) == 0
    assert leases.renotify_stale_jobs(now=NOW + timedelta(seconds=9)) == 1
    leases.finish(mine, now=NOW + timedelta(seconds=9))
    assert leases.renotify_stale_jobs(now=NOW + timedelta(seconds=99)) == 0


def test_whoever_waits_hears_the_workers_error(job):
    mine = leases.claim(job_id=job.pk, now=NOW)
    leases.fail(mine, error=BadKeyParameter("no such curve"), now=NOW)
    with pytest.raises(BadKeyParameter, match="no such curve"):
        client.wait(job)


def test_without_an_hsm_nothing_is_left_to_be_made(job, settings, tmp_path):
    settings.LANE_DIR = str(tmp_path)
    from apps.domain.hsm_client import lane_client

    lane_client._lanes.clear()
    with pytest.raises(HsmUnavailable):
        client.wait(job)
    assert Job.objects.get(pk=job.pk).state == Job.State.CANCELLED
    assert leases.claim(job_id=job.pk, now=NOW) is None
    lane_client._lanes.clear()
