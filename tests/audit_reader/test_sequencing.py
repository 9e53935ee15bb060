"""Every committed record gets exactly one place, in the order of its transaction, whatever is going on."""

import threading
import uuid

import pytest
from django.db import connection, connections, transaction

from apps.audit_log import sequencer, writer
from apps.audit_log.auditverify import open_note
from apps.audit_log.models import Checkpoint, Cursor, Leaf, Log, MinuteCount
from apps.core.clock import now
from apps.core.ids import uuid7
from tests.support.roles import attempt, connect
from vaultportal.database_privileges import AUDIT, ROLES

LOCKS = [
    "SELECT pg_advisory_lock(1448102991)",  # held up the sequencing until version 0.5
    *(f"SELECT id FROM audit_cursor FOR {mode}" for mode in ("UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE")),
    *(f"LOCK TABLE audit_cursor IN {mode} MODE" for mode in ("ACCESS EXCLUSIVE", "SHARE", "ROW SHARE", "ACCESS SHARE")),
]


def test_a_backlog_of_many_rounds_is_sequenced_once(log, monkeypatch):
    monkeypatch.setattr(sequencer, "LARGEST_ROUND", 500)
    for start in range(0, 1200, 100):
        writer.append([log.record(n) for n in range(start, start + 100)])
    assert log.sequence() == 1200
    assert [row[0] for row in log.rows("l.seq")] == list(range(1200))
    assert log.check() == []
    assert MinuteCount.objects.filter(log_id=log.id).values_list("total").count() >= 1


def test_a_transaction_that_commits_late_is_not_passed_over(log):
    late, go = threading.Event(), threading.Event()

    def slow():
        with transaction.atomic():
            writer.append([log.record(0)])
            late.set()
            go.wait(20)
        connections["default"].close()

    thread = threading.Thread(target=slow)
    thread.start()
    late.wait(20)
    writer.append([log.record(1)])  # begun later, committed earlier
    assert log.sequence() == 0, "nothing is taken above a transaction that still runs"
    go.set()
    thread.join()
    assert log.sequence() == 2
    assert [row[0] for row in log.rows("e.number, l.seq")] == [1, 1], "two writers, each with its own numbers"
    assert log.check() == []


def test_the_order_is_that_of_transactions_whatever_their_ids(log):
    begun, go = threading.Event(), threading.Event()

    def first():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
            begun.set()
            go.wait(20)
            writer.append([log.record(0)])  # with a later id, in the earlier transaction
        connections["default"].close()

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(20)
    writer.append([log.record(1)])
    go.set()
    thread.join()
    assert log.sequence() == 2
    ids = [int(xid) for (xid,) in log.rows("e.xid::text")]
    assert ids == sorted(ids)
    assert log.check() == []


def test_checkpoints_say_what_the_log_was(log):
    log.write(10, batch=3)
    notes = [open_note(row.note, log.verifiers) for row in Checkpoint.objects.filter(log_id=log.id).order_by("size")]
    assert [note.size for note in notes] == [3, 6, 9, 10]
    assert {note.origin for note in notes} == {f"vault-portal/{log.id}"}


def test_two_sequencers_do_the_work_once(log):
    writer.append([log.record(n) for n in range(500)])
    done = []

    def work():
        done.append(sequencer.sequence(signer=log.signer, now=now()))
        connections["default"].close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) + log.sequence() == 500
    assert Leaf.objects.filter(log_id=log.id).count() == 500


def test_the_witness_hears_only_of_what_is_committed(log):
    heard = []
    writer.append([log.record(0)])
    log.sequence(witness=heard.append)
    (notes,) = heard
    assert open_note(notes[log.id], log.verifiers).size == 1


def test_a_log_goes_on_after_a_restore_into_a_cluster_whose_transactions_begin_again(log):
    log.write(5)
    Cursor.objects.update(xid=1 << 40)  # the old cluster was far ahead
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_event SET xid = '1099511627000'::xid8 WHERE log_id = %s", [log.id])
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
    writer.append([log.record(6)])
    log.sequence()
    writer.append([log.record(7)])
    log.sequence()
    assert Log.objects.get(pk=log.id).size == 7


def test_a_record_from_the_future_hides_none_that_come_after_it(log):
    writer.append([log.record(0)])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        future = uuid.UUID(int=uuid7().int | 1 << 127)
        cursor.execute("UPDATE audit_event SET id = %s WHERE log_id = %s", [future, log.id])
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
    assert log.sequence() == 1
    writer.append([log.record(1)])
    assert log.sequence() == 1


def test_the_order_holds_where_transaction_ids_get_one_digit_more(log):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        ahead = cursor.fetchone()[0]
        burnt = max(10 ** len(str(ahead)) - ahead - 100, 0)  # other connections take some of the last hundred
        assert burnt < 2_000_000
        cursor.execute(f"DO $$ BEGIN FOR n IN 1..{burnt} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
    for number in range(120):
        writer.append([log.record(number)])
    assert log.sequence() == 120
    ids = [int(xid) for (xid,) in log.rows("e.xid::text")]
    assert ids == sorted(ids)
    assert len(str(ids[0])) < len(str(ids[-1]))
    assert log.check() == []


@pytest.mark.parametrize("role", [role for role in ROLES if role != AUDIT])
def test_no_lock_of_another_role_holds_up_the_sequencing(log, role):
    log.write(1)
    with connect(role) as database:
        for lock in LOCKS:
            attempt(database, lock)
        writer.append([log.record(1)])
        assert log.sequence() == 1
        database.rollback()
