"""What `CommitQueue` relies on in Django: the private list `run_on_commit` of a connection."""

import pytest
from django.db import connection, transaction

from apps.audit_log.commit_queue import CommitQueue

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_run_on_commit_loses_the_callbacks_of_a_rolled_back_savepoint():
    queue, before = CommitQueue(connection), CommitQueue(connection).callbacks()
    with transaction.atomic():
        queue.put_first(len)
        with transaction.atomic():
            queue.put_first(max)
            assert queue.callbacks() == [max, len, *before]
            transaction.set_rollback(True)
        assert queue.callbacks() == [len, *before]


def test_run_on_commit_runs_in_its_order(django_capture_on_commit_callbacks):
    calls = []
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        transaction.on_commit(lambda: calls.append("second"))
        CommitQueue(connection).put_first(lambda: calls.append("first"))
        assert calls == []
    assert calls == ["first", "second"]
