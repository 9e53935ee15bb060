"""Threads that record something at the same time share a statement, and nobody returns without a committed record."""

import threading
import time
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction

from apps.audit_log import group_commit
from apps.audit_log.group_commit import GroupCommit, NotStoredByLeader, _Waiting
from apps.audit_log.models import Incident, Leaf
from apps.core.sql import execute, select, select_value
from tests.support.waiting import wait_until


@pytest.fixture
def commits(monkeypatch):
    """Its threads are as patient as the test."""
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", 60.0)
    return GroupCommit()


class Appending:
    """Threads that append one record each, and what became of them: an error, or None."""

    def __init__(self, commits):
        self._commits = commits
        self._threads = []
        self.outcomes = {}

    def start(self, *records):
        for record in records:
            thread = threading.Thread(target=self._run, args=[record], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, record):
        execute("SET lock_timeout = 0")  # as long as the test holds the lock
        try:
            self._commits.append([record])
            self.outcomes[record.request_id] = None
        except DatabaseError as error:
            self.outcomes[record.request_id] = error
        finally:
            connection.close()

    def end(self):
        """What became of the threads, in no order."""
        for thread in self._threads:
            thread.join(60)
        assert len(self.outcomes) == len(self._threads)
        return list(self.outcomes.values())


@pytest.fixture
def appending(commits):
    return Appending(commits)


@contextmanager
def locked():
    """No record can be stored."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE audit_event IN EXCLUSIVE MODE")
        yield
    finally:
        other.close()


def wait_led(commits, *, queue):
    """Until a leader stores its records, and so many others wait."""
    leads = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO audit_%'"
    wait_until(lambda: select_value(leads) and len(commits._queue) == queue)


def stored(log):
    return select("SELECT request_id, writer, number, xid::text FROM audit_event WHERE log_id = %s", [log.id])


def test_threads_that_wait_at_the_same_time_share_a_statement(log, commits, appending):
    with locked():
        appending.start(log.record(0))
        wait_led(commits, queue=0)
        appending.start(*(log.record(number) for number in range(1, 6)))
        wait_led(commits, queue=5)
        assert appending.outcomes == {}, "nobody returns without a record"
    assert appending.end() == [None] * 6
    rows = stored(log)
    assert {request for request, *_ in rows} == set(appending.outcomes)
    assert len({xid for *_, xid in rows}) == 2
    assert (commits._leader, commits._queue) == (None, [])
    log.sequence()
    assert Leaf.objects.filter(log_id=log.id).count() == 6
    assert not Incident.objects.filter(log_id=log.id).exists(), "the numbers of each writer are complete"


def test_a_thread_that_is_alone_stores_its_record_at_once(log, commits):
    for number in range(3):
        commits.append([log.record(number)])
    assert sorted(number for _, _, number, _ in stored(log)) == [1, 2, 3]


def test_an_error_reaches_all_that_wait(log, commits, appending):
    with locked():
        appending.start(log.record(0))
        wait_led(commits, queue=0)
        appending.start(*(log.record(number) for number in range(1, 6)))
        wait_led(commits, queue=5)
        cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO audit_event%'"
        assert select(f"{cancel} AND wait_event_type = 'Lock'") == [(True,)]
        outcomes = [type(outcome) for outcome in appending.end()]
    assert (outcomes.count(OperationalError), outcomes.count(NotStoredByLeader)) == (1, 5), "one connection is suspect"
    assert stored(log) == []
    commits.append([log.record(9)])
    assert len(stored(log)) == 1


def test_a_record_that_is_refused_does_not_cost_others_theirs(log, commits, appending):
    bad = log.record(3)._replace(operation="Not A Name")
    with locked():
        appending.start(log.record(0))
        wait_led(commits, queue=0)
        appending.start(log.record(1), log.record(2), bad)
        wait_led(commits, queue=3)
    appending.end()
    assert isinstance(appending.outcomes.pop(bad.request_id), IntegrityError)
    assert list(appending.outcomes.values()) == [None] * 3
    assert {request for request, *_ in stored(log)} == set(appending.outcomes)
    log.sequence()
    assert Leaf.objects.filter(log_id=log.id).count() == 3
    assert not Incident.objects.filter(log_id=log.id).exists()


def test_nobody_waits_for_a_leader_that_does_not_come_back(log, commits, monkeypatch):
    commits._leader, commits._led_since = _Waiting([]), time.monotonic()
    monkeypatch.setattr(group_commit, "PATIENCE_SECONDS", 0.2)
    with pytest.raises(OperationalError, match="in time"):
        commits.append([log.record(0)])
    assert commits._queue == []
    wait_until(lambda: time.monotonic() - commits._led_since > 0.2)
    commits.append([log.record(1)])
    assert len(stored(log)) == 1
    assert commits._leader is None


def test_in_a_transaction_a_record_is_stored_with_it(log, commits):
    commits._leader = _Waiting([])  # nobody would store it
    with transaction.atomic():
        commits.append([log.record(0)])
        transaction.set_rollback(True)
    with transaction.atomic():
        commits.append([log.record(1)])
    assert len(stored(log)) == 1
