"""A lane whose HSM takes its time commits records beside the next use; no answer leaves before its record is stored.

The lane's thread, its socket and the database are real. In place of the HSM a handler waits, or does not.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec
import pytest
from django.db import ProgrammingError, connection

from apps.audit_log import writer
from apps.audit_log.models import Incident, Leaf
from apps.core.sql import select
from apps.domain.hsm_client import protocol
from apps.workers.hsm_runtime.commits import Waits
from apps.workers.hsm_runtime.hsm_thread import Answer, HsmThread
from apps.workers.hsm_runtime.peers import Peer
from tests.audit_log.conftest import log  # noqa: F401  a fixture
from tests.audit_log.test_group_commit import locked, stored
from tests.support.waiting import wait_until

SLOW, QUICK = 0.02, 0.0
PACKET = protocol.pack_request(protocol.Ping())
WITHHELD = "HsmUnavailable"
BUSY = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); print(flush=True)\nwhile True: pass"
ROW = 7_420  # the advisory lock that stands for a row


class Lane:
    """A lane whose handler waits for `seconds` and returns its number of the use, with a record."""

    def __init__(self, directory, records, seconds):
        self._path = directory / "web" / "1.sock"
        peer = Peer("web", self._path, frozenset({os.getuid()}), frozenset({protocol.Ping}))
        self.thread = HsmThread(peers=[peer], handler=self._handle)
        self._records, self._seconds, self._uses = records, seconds, 0
        self.changes = {}  # of uses by their number
        self.thread._hsm = object()
        self.thread._listen()
        self._stopping = threading.Event()
        self._served = threading.Thread(target=self._serve)
        self._served.start()

    @property
    def uses(self):
        return self._uses

    def _handle(self, _hsm, _request, *, now):
        assert now is not None
        if self._seconds:  # also a sleep of no time lets others run, and counts as waiting
            time.sleep(self._seconds)
        self._uses += 1
        return Answer(self._uses, self._records.record(self._uses), self.changes.get(self._uses))

    def _serve(self):
        while not self._stopping.is_set():
            self.thread._run_once(timeout=0.02)
        self.thread._commits.stop()
        connection.close()

    def send(self):
        """Send a request, and return the connection on which its answer will come."""
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.settimeout(30)
        client.connect(str(self._path))
        client.send(PACKET)
        return client

    def warm_up(self):
        """Let the lane find out how long its uses take."""
        for _ in range(10):
            receive(self.send())

    def stop(self):
        self._stopping.set()
        self._served.join()
        for key in list(self.thread._selector.get_map().values()):
            key.fileobj.close()
        self.thread._wake_writer.close()
        self.thread._selector.close()


@pytest.fixture
def lane(log):  # noqa: F811  the fixture
    """Makes lanes."""
    made = []
    with tempfile.TemporaryDirectory(prefix="lane-") as directory:

        def make(seconds):
            made.append(Lane(Path(directory), log, seconds))
            made[-1].warm_up()
            return made[-1]

        yield make
        for each in made:
            each.stop()


class Change:
    """A change that the database accepts, or not."""

    refusal = protocol.pack_refusal("SecretNotStored", "")

    def __init__(self, *, accepted, is_found=True, statements=None):
        self._accepted, self._is_found = accepted, is_found
        self.statements = [] if statements is None else statements

    def store(self, others, records):
        self.statements.append("store")
        if not all(each._accepted for each in (self, *others)):
            raise ProgrammingError
        writer.append(records)

    def find_refused(self, others):
        self.statements.append("find")
        return [each._is_found and not each._accepted for each in (self, *others)]


class LockedChange(Change):
    """A change of a row that another transaction has locked."""

    def store(self, others, records):
        select("SELECT set_config('lock_timeout', '20ms', true), pg_advisory_xact_lock(%s)", [ROW])
        super().store(others, records)


def receive(client):
    """The number of the use, or the code of an error."""
    with client:
        code, value, *_ = msgspec.msgpack.decode(client.recv(1000))
        return code or value


def is_answered(client):
    """Whether the answer is there."""
    client.setblocking(False)
    try:
        return bool(client.recv(1000, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        client.settimeout(30)


def waiting_inserts():
    return select(
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO audit_event%'"
    )


def cancel_insert():
    """Let the database cancel the statement that waits."""
    [(pid,)] = wait_until(waiting_inserts)
    assert select("SELECT pg_cancel_backend(%s)", [pid]) == [(True,)]
    wait_until(lambda: waiting_inserts() != [(pid,)])


def test_the_next_use_does_not_wait_for_a_commit_but_its_answer_does(lane, log):  # noqa: F811
    slow = lane(SLOW)
    done = slow.uses
    with locked():
        clients = [slow.send()]
        wait_until(waiting_inserts)
        clients.append(slow.send())
        wait_until(lambda: slow.uses == done + 2)
        assert not any(is_answered(client) for client in clients)
    assert [receive(client) for client in clients] == [done + 1, done + 2]
    log.sequence()
    assert Leaf.objects.filter(log_id=log.id).count() == done + 2
    assert not Incident.objects.filter(log_id=log.id).exists(), "the numbers of each writer are complete"


def test_a_commit_that_fails_refuses_each_request_of_its_batch(lane, log):  # noqa: F811
    slow = lane(SLOW)
    done = slow.uses
    with locked():
        first = slow.send()
        wait_until(waiting_inserts)
        others = [slow.send() for _ in range(3)]
        wait_until(lambda: slow.uses == done + 4)
        cancel_insert()
        assert receive(first) == WITHHELD
        assert not any(is_answered(client) for client in others)
        cancel_insert()
        assert [receive(client) for client in others] == [WITHHELD] * 3
    assert len(stored(log)) == done
    assert receive(slow.send()) == done + 5, "the lane serves again"
    log.sequence()
    assert not Incident.objects.filter(log_id=log.id).exists(), "the numbers of each writer are complete"


def test_a_change_that_the_database_refuses_keeps_back_no_other_answer(lane, log):  # noqa: F811
    slow = lane(SLOW)
    done = slow.uses
    slow.changes = {done + 2: Change(accepted=True), done + 3: Change(accepted=False)}
    clients = []
    with locked():
        for number in range(1, 5):
            clients.append(slow.send())
            wait_until(lambda: slow.uses == done + number)  # noqa: B023  it is called here
    assert [receive(client) for client in clients] == [done + 1, done + 2, "SecretNotStored", done + 4]
    assert len(stored(log)) == done + 3
    log.sequence()
    assert not Incident.objects.filter(log_id=log.id).exists(), "the numbers of each writer are complete"


@pytest.mark.parametrize(
    ("is_found", "after"),
    [(True, ["store", "find", "store"]), (False, ["store", "find"])],
    ids=["found", "not found"],
)
def test_the_statements_of_a_batch_do_not_become_more_with_the_refused_changes(lane, log, is_found, after):  # noqa: F811
    slow, statements = lane(SLOW), []
    done = slow.uses
    for number in range(2, 7):
        accepted = number % 2 == 0
        slow.changes[done + number] = Change(accepted=accepted, is_found=is_found, statements=statements)
    clients = []
    with locked():
        for number in range(1, 8):
            clients.append(slow.send())
            wait_until(lambda: slow.uses == done + number)  # noqa: B023  it is called here
    answers = [receive(client) for client in clients]
    assert [answers[0], answers[6]] == [done + 1, done + 7], "uses without a change"
    refused = [number for number in range(2, 7) if answers[number - 1] == "SecretNotStored"]
    assert refused == ([3, 5] if is_found else [2, 3, 4, 5, 6])
    assert statements == after
    assert len(stored(log)) == done + 7 - len(refused)
    log.sequence()
    assert not Incident.objects.filter(log_id=log.id).exists(), "the numbers of each writer are complete"


def test_a_change_that_waits_for_a_locked_row_keeps_back_no_other_answer(lane, log):  # noqa: F811
    slow = lane(SLOW)
    done = slow.uses
    slow.changes = {done + 2: LockedChange(accepted=True), done + 3: Change(accepted=True)}
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [ROW])
        clients = []
        with locked():
            for number in range(1, 5):
                clients.append(slow.send())
                wait_until(lambda: slow.uses == done + number)  # noqa: B023  it is called here
        assert [receive(client) for client in clients] == [done + 1, "SecretNotStored", "SecretNotStored", done + 4]
    finally:
        other.close()
    assert len(stored(log)) == done + 2
    log.sequence()
    assert not Incident.objects.filter(log_id=log.id).exists(), "the numbers of each writer are complete"


def test_a_client_that_left_does_not_end_the_lane(lane):
    slow = lane(SLOW)
    done = slow.uses
    with locked():
        left = slow.send()
        wait_until(waiting_inserts)
        left.close()
    assert receive(slow.send()) == done + 2


def test_uses_without_records_are_bounded(lane):
    slow = lane(SLOW)
    done, bound = slow.uses, slow.thread._commits._finished.maxsize
    with locked():
        first = slow.send()
        wait_until(waiting_inserts)
        clients = [first, *(slow.send() for _ in range(bound + 5))]
        wait_until(lambda: slow.uses == done + bound + 2)  # in the statement, waiting, and the one that finds no room
        wait_until(slow.thread._commits._finished.full)
        assert slow.uses == done + bound + 2
    assert sorted(receive(client) for client in clients) == list(range(done + 1, done + bound + 7))


def test_a_quick_hsm_commits_a_batch_in_its_own_thread(lane, log):  # noqa: F811
    quick = lane(QUICK)
    assert quick.thread._commits._thread is None
    assert len({writer for _, writer, *_ in stored(log)}) == 1


def test_to_wait_for_a_processor_does_not_make_an_hsm_slow():
    """As beside other programs: this thread and another process share one processor."""
    waits, allowed = Waits(), os.sched_getaffinity(0)
    processor = {min(allowed)}
    with subprocess.Popen([sys.executable, "-c", BUSY, str(min(allowed))], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout.read(1)
            os.sched_setaffinity(0, processor)
            waits.begin()
            begun = time.perf_counter()
            until = time.thread_time() + 0.05
            while time.thread_time() < until:
                pass
            assert time.perf_counter() - begun > 0.06, "it waited for the other process"
            waits.end(1)
            assert not waits.are_long
        finally:
            os.sched_setaffinity(0, allowed)
            other.kill()
    for _ in range(5):
        waits.begin()
        time.sleep(0.01)
        waits.end(1)
    assert waits.are_long
