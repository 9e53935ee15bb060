"""No record, no result. Writing to the log is blocked while clients work: nothing leaves, 503 within two seconds."""

import contextlib
import os
import time

import psycopg
import pytest

from tests.faults.test_kill_9 import acts, objects  # noqa: F401  the fixture
from tests.support.load import Load
from vaultportal.database_privileges import statements

pytestmark = [pytest.mark.stack, pytest.mark.alone]

SECONDS = 4.0


@contextlib.contextmanager
def locked():
    """Somebody holds the table, so that every INSERT waits."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        owner.execute("LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE")
        yield
        owner.rollback()


@contextlib.contextmanager
def refused():
    """Nobody may insert: each INSERT fails at once. Afterwards the roles have exactly their privileges again."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON audit_event FROM vault_web, vault_hsm, vault_jobs")
        yield
        for statement in statements(["audit_event"]):
            if " ON audit_event TO " in statement:
                owner.execute(statement)


@pytest.mark.parametrize("blocked", [locked, refused])
def test_without_a_record_there_is_no_result(system, client, objects, blocked):  # noqa: F811  the fixture
    with Load(acts(client, objects)[:6], threads=12) as load:
        load.wait_good(20)
        with blocked():
            begin = time.time()
            time.sleep(SECONDS)
            end = time.time()
        back = load.wait_steady(end)
    during = [answer for answer in load.answers if begin + 0.2 < answer.at - answer.seconds and answer.at < end]
    assert len(during) > 10
    assert {answer.status for answer in during} == {503}
    slowest = max(answer.seconds for answer in during)
    assert slowest < 2.5, f"a 503 took {slowest:.2f} s"  # two seconds, and what a loaded machine adds
    assert all(answer.retry_after for answer in during)
    assert back - end < 3, "the service came back"
    answered = {answer.request_id for answer in load.good()}
    assert answered - system.recorded(answered) == set()
    system.wait_healthy()
