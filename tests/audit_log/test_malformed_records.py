"""A record that no process can encode is set aside as an incident; those beside it get their numbers."""

import importlib

import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit_log import sequencer, writer
from apps.audit_log.models import Incident
from apps.audit_log.records import LEAF_COLUMNS, grammar_fault
from apps.core.clock import now
from apps.core.sql import select
from tests.audit_reader.conftest import Log

_GRAMMAR = importlib.import_module("apps.audit_log.migrations.0007_grammar")
# By column: values that PostgreSQL stores and the grammar of docs/audit-log.md does not have.
MALFORMED = {
    "at": ["infinity", "-infinity", "20000-01-01", "4000-01-01 BC", "1999-12-31"],
    "operation": ["", "Key Sign", 'Key"Sign', "Key\nSign", "KeySign\n", "Key\\Sign", "Schlüssel", "K" * 65],
    "status": ["-1", "0", "99", "600", "32767"],
    "number": ["-1", "0", "1000000000000000000", "9223372036854775807"],
    "commitment": ["\\x", "\\x00", "\\x" + "00" * 33],
    "xid": ["1000000000000000000", "18446744073709551615"],
}
CASES = [(column, value) for column, values in MALFORMED.items() for value in values]


@pytest.fixture
def unconstrained(log):
    """The table as it was in 0.4."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute(_GRAMMAR.release("audit_event", _GRAMMAR.EVENT))
    yield log
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_event")
        cursor.execute(_GRAMMAR.constrain("audit_event", _GRAMMAR.EVENT))
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")


def change(column, value, *, log):
    """Change a column of the log's newest record, as the owner of the tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE audit_event SET {column} = %s WHERE id = (SELECT max(id::text)::uuid FROM audit_event "
            "WHERE log_id = %s)",
            [value, log.id],
        )


def test_the_database_takes_no_malformed_record(db):
    log = Log()
    writer.append([log.record(0)])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
    for column, value in CASES:
        with pytest.raises(IntegrityError, match=f"audit_event_{column}_grammar"), transaction.atomic():
            change(column, value, log=log)


def test_malformed_records_of_an_earlier_version_are_set_aside_and_the_others_are_numbered(unconstrained):
    log, malformed = unconstrained, [case for case in CASES if case[0] != "xid"]
    for column, value in malformed:
        writer.append([log.record(0)])
        change(column, value, log=log)
        writer.append([log.record(1)])
    assert log.sequence() == 2 * len(malformed)
    incidents = Incident.objects.filter(log_id=log.id, problem="malformed")
    for column, values in MALFORMED.items():
        assert incidents.filter(sentence__contains=f"'{column}'").count() == (0 if column == "xid" else len(values))
    assert [number for (number,) in log.rows("l.seq")] == list(range(len(malformed)))
    writer.append([log.record(2)])
    assert log.sequence() == 1


def test_the_constraints_of_an_earlier_table_hold_for_new_records_at_once(unconstrained):
    log = unconstrained
    writer.append([log.record(0)])
    change("at", "infinity", log=log)
    with connection.cursor() as cursor:
        cursor.execute(_GRAMMAR.constrain("audit_event", _GRAMMAR.EVENT))
        cursor.execute(
            "SELECT convalidated FROM pg_constraint WHERE conrelid = 'audit_event'::regclass "
            "AND conname IN ('audit_event_at_grammar', 'audit_event_status_grammar') ORDER BY conname"
        )
        assert cursor.fetchall() == [(False,), (True,)]
    writer.append([log.record(1)])
    with pytest.raises(IntegrityError, match="audit_event_at_grammar"):
        change("at", "infinity", log=log)
    with connection.cursor() as cursor:
        cursor.execute(_GRAMMAR.release("audit_event", _GRAMMAR.EVENT))


def test_a_record_with_a_transaction_id_of_the_future_is_an_incident(log):
    writer.append([log.record(0)])
    assert log.sequence() == 1
    assert sequencer.report_unreachable(now=now()) == 0
    writer.append([log.record(1)])
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
    change("xid", "999999999999999999", log=log)
    assert log.sequence() == 0
    for _ in range(2):
        assert sequencer.report_unreachable(now=now()) == 1
    assert Incident.objects.get(log_id=log.id).problem == "extra"
    writer.append([log.record(2)])
    assert log.sequence() == 1, "it hides no other"


def test_what_the_writer_writes_is_well_formed(log):
    writer.append([log.record(0)])
    query = f"SELECT {', '.join(LEAF_COLUMNS.values())} FROM audit_event e"
    assert [grammar_fault(dict(zip(LEAF_COLUMNS, row, strict=True))) for row in select(query)] == [""]
