"""Who waits for a job is notified of its end; a notification that is lost or forged decides nothing."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from django.db import connection, transaction

from apps.core import job_queue
from apps.core.ids import uuid7
from apps.core.sql import execute, select
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.hsm_client import client, notifications
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.notifications import Listener, notify_ended
from tests.support import programs
from tests.support.waiting import wait_until

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)

CREATE = """
from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.core.ids import uuid7
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.hsm_client import client
from apps.domain.hsm_client.notifications import LISTENER, notify_ended
from apps.domain.keys.operations.creation import start_creation
from apps.domain.keys.rules import NewKey
from apps.domain.vaults.models import Vault
client._POLL_SECONDS = (60, 60)
reads, read = [], client._read
client._read = lambda job: reads.append(job) or read(job)
probe = uuid7()
with LISTENER.expecting(probe) as notified:
    while not notified.wait(0.1):
        notify_ended(probe)
vault = Vault.objects.get(name=sys.argv[2])
job, row = start_creation(
    grant=scheduled_grant(vault), vault=vault, name=sys.argv[1], spec=NewKey(key_type="EC", parameter="P-256", hardware=True),
    operation=Operation.KEY_CREATE, now=now(),
)
client.wait(job)
row.refresh_from_db()
print(row.state, len(reads))
"""


@pytest.fixture
def listener(transactional_db, monkeypatch):
    """One for this test, which has connected, and which does not connect again after it."""
    made = Listener()
    monkeypatch.setattr(client, "LISTENER", made)
    wait_listening(made)
    yield made
    made._wanted.clear()
    disconnect()


@pytest.fixture
def job(transactional_db, vault):
    with transaction.atomic():
        return client.submit(
            grant=system_grant(Permission.VAULTS_CREATE, origin="tests"),
            kind="hsm.create_vault_key",
            operation="VaultPut",
            world="europe",
            subject=("vault", vault.pk),
            object_id="vaults/payroll",
            now=NOW,
        )


@pytest.fixture
def reads(monkeypatch):
    """The readings of job rows by `client`, each when it is done."""
    done, read = [], client._read

    def count(job):
        row = read(job)
        done.append(job.pk)
        return row

    monkeypatch.setattr(client, "_read", count)
    return done


def disconnect():
    """End the connections that listen, and return how many there were."""
    listening = "FROM pg_stat_activity WHERE query = 'LISTEN job_ended' AND datname = current_database()"
    return len(select(f"SELECT pg_terminate_backend(pid) {listening}"))


def wait_listening(listener):
    probe = uuid7()
    with listener.expecting(probe) as notified:
        wait_until(lambda: notify_ended(probe) or notified.wait(0.1), "a connection that listens")


def wait_received(listener):
    """Until everything that was sent before is received."""
    last = uuid7()
    with listener.expecting(last) as notified:
        notify_ended(last)
        assert notified.wait(60)


@contextmanager
def waiting(job, wait=client.wait):
    """A thread that waits for the job's end, which must come before the thread reads without a notification."""
    ended = threading.Event()

    def run():
        wait(job)
        connection.close()
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    yield
    assert ended.wait(50)


def end(job, *, notify=True):
    with transaction.atomic():
        job_queue.claim(Job.objects.filter(pk=job.pk), now=NOW).finish(now=NOW)
        if notify:
            notify_ended(job.pk)


@pytest.mark.parametrize("wait", [client.wait, lambda job: client.wait_briefly(job, seconds=60)])
def test_a_job_is_read_when_it_is_submitted_and_when_it_ends(listener, job, reads, wait, monkeypatch):
    monkeypatch.setattr(client, "_POLL_SECONDS", (60, 60))
    with waiting(job, wait):
        wait_until(lambda: reads)
        end(job)
    assert reads == [job.pk, job.pk]
    assert listener._expected == {}


def test_a_job_that_ended_before_anybody_waits_is_read_once(listener, job, reads):
    end(job)
    client.wait(job)
    assert reads == [job.pk]


def test_a_lost_notification_delays_and_no_more(listener, job, reads):
    with waiting(job):
        wait_until(lambda: reads)
        end(job, notify=False)


def test_a_transaction_that_is_rolled_back_notifies_nobody(listener, job):
    with listener.expecting(job.pk) as notified:
        with transaction.atomic():
            notify_ended(job.pk)
            transaction.set_rollback(True)
        wait_received(listener)
        assert not notified.is_set()


def test_notifications_that_nobody_expects_are_not_kept(listener, job):
    with listener.expecting(job.pk) as notified:
        execute("SELECT count(pg_notify('job_ended', repeat('x', n))) FROM generate_series(1, 5000) AS n")
        execute("SELECT pg_notify('job_ended', '')")
        wait_received(listener)
        assert not notified.is_set()
        assert set(listener._expected) == {str(job.pk)}


def test_forged_notifications_of_a_job_cause_one_reading(listener, job):
    with listener.expecting(job.pk) as notified:
        for _ in range(3):
            notify_ended(job.pk)
        wait_received(listener)
        assert notified.is_set()
        assert listener._expected == {}, "the next one is nobody's"


def test_after_a_notification_readings_have_their_pauses_again(monkeypatch):
    monkeypatch.setattr(client, "_POLL_SECONDS", (0.05, 0.05))
    notified = threading.Event()
    notified.set()
    assert len(list(client._readings(notified, 0.2))) <= 5


@pytest.mark.slow
def test_a_flood_ends_the_connection_and_the_next_who_waits_has_another(listener, monkeypatch, caplog):
    monkeypatch.setattr(notifications, "_MOST", 100)
    execute("SELECT count(pg_notify('job_ended', n::text)) FROM generate_series(1, 200) AS n")
    wait_until(lambda: "notifications of ended jobs" in caplog.text, "the end of the flood")
    monkeypatch.setattr(notifications, "_MOST", 10_000)
    wait_listening(listener)


@pytest.mark.slow
def test_the_listener_connects_again(listener, job, reads, monkeypatch):
    assert disconnect() == 1
    wait_listening(listener)
    monkeypatch.setattr(client, "_POLL_SECONDS", (60, 60))
    with waiting(job):
        wait_until(lambda: reads)
        end(job)


@pytest.mark.stack
def test_the_workers_notify_of_a_key_that_they_created(stack, keys, owner, name):
    owner.execute("LISTEN job_ended")
    version = keys.create_ec_key(name, hardware_protected=True).properties.version
    of_key = "SELECT id::text FROM jobs_job WHERE subject_id = (SELECT id FROM keys_keyversion WHERE version = %s)"
    [(job_id,)] = owner.execute(of_key, [version]).fetchall()
    assert job_id in {notification.payload for notification in owner.notifies(timeout=60, stop_after=1)}


@pytest.mark.stack
def test_a_key_is_created_with_two_readings_of_its_job(stack, name):
    vault = urlsplit(stack.vault_url).netloc.partition(".")[0]
    assert programs.output_of(CREATE, name, vault, settings="web", role="WEB") in ("ready 1", "ready 2")
