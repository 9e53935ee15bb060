"""A record whose body does not open is exported as what it is; it stands before no other."""

import gzip
import hashlib
import io
import os

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection

from apps.audit_log.auditverify import compare, read_line, unopened
from apps.audit_log.models import Log as LogRow
from apps.audit_log.operation_names import Operation
from apps.audit_log.records import HEADER_COLUMNS, body_of, canonical, header_of
from apps.audit_reader import decryption
from apps.audit_reader.log_entries import MissingRecord
from apps.audit_reader.segment_format import write_records
from apps.core.clock import now
from apps.core.ids import uuid7
from tests.audit_reader.conftest import Log

_DEEP = b'{"identity":{},"properties":{"a":' + b"[" * 300 + b"]" * 300 + b"}}"
# Bodies that a process with the writers' secret can seal, and no reader may stop at.
STRANGE = [b"12", b"not json", b"[1]", b"{}\n", b'{"b":1,"a":2}', b'{"identity":"x"}', b'{"properties":[]}', _DEEP]
STRANGE += [b'{"identity":{"claim":"x"}}', b'{"a":' + b"9" * 30 + b"}", b'{"a":"\xff"}', b'{"a":1.5e400}']


@pytest.fixture
def mine(transactional_db):
    """A log with a data key of the test's own, which opens without the audit worker."""
    log = Log()
    log.material, log.key_id, log.number = os.urandom(32), uuid7(), 0
    decryption._known[log.key_id] = log.material
    yield log
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_event")
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")


def write(log, body=None, *, sealed=None, commitment=None, operation=Operation.KEY_SIGN):
    """One record: genuine, or with another body, other sealed bytes or another commitment."""
    log.number += 1
    row = dict.fromkeys(HEADER_COLUMNS, 1) | {"id": uuid7(), "log_id": log.id, "at": now(), "operation": operation}
    row |= {"phase": "denial", "status": 403, "request_id": uuid7(), "number": log.number}
    row |= {"writer": log.key_id, "key_id": log.key_id}
    body = body_of(log.record(log.number)) if body is None else body
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = sealed or nonce + AESGCM(log.material).encrypt(nonce, salt + body, header_of(row))
    row |= {"sealed": sealed, "commitment": commitment or hashlib.sha256(salt + body).digest()}
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(row))
        cursor.execute(f"INSERT INTO audit_event ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def exported(log, count, *, complete=False):
    """The lines and leaves of all records."""
    segment, leaves = io.BytesIO(), io.BytesIO()
    for _ in write_records(log_id=log.id, first=0, last=count - 1, segment=segment, leaves=leaves, complete=complete):
        pass
    return gzip.decompress(segment.getvalue()).splitlines(keepends=True), leaves.getvalue()


def test_records_with_strange_bodies_are_exported_without_them_and_named_by_the_verifier(mine):
    write(mine)
    for body in STRANGE:
        write(mine, body)
    write(mine, sealed=os.urandom(64))
    write(mine, commitment=bytes(32))
    write(mine)
    count = len(STRANGE) + 4
    assert mine.sequence() == count
    lines, leaves = exported(mine, count)
    entries = [read_line(line) for line in lines]
    assert list(compare(str(mine.id), 0, leaves, entries)) == [], "each line is its signed record"
    found = list(unopened(str(mine.id), 0, leaves, entries))
    assert [(finding.seq, finding.problem) for finding in found] == [(seq, "unreadable") for seq in range(1, count - 1)]
    assert all(orjson.loads(line)["integrity"]["header"]["log"] == str(mine.id) for line in lines)


def test_a_mark_does_not_replace_a_body_that_opens_nor_hide_a_change(mine):
    write(mine)
    write(mine, b"[1]")
    assert mine.sequence() == 2
    lines, leaves = exported(mine, 2)
    for line in (lines[1].replace(b'"status":403', b'"status":200'), lines[1].replace(b'"xid":', b'"xid":1')):
        entries = [read_line(lines[0]), read_line(line)]
        assert [finding.problem for finding in compare(str(mine.id), 0, leaves, entries)] == ["altered"]
        assert list(unopened(str(mine.id), 0, leaves, entries)) == []


def test_a_record_that_is_gone_leaves_its_leaf_and_the_others_follow(mine):
    for _ in range(3):
        write(mine)
    assert mine.sequence() == 3
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_event WHERE number = 2")
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
    lines, leaves = exported(mine, 3)
    found = list(compare(str(mine.id), 0, leaves, [read_line(line) for line in lines]))
    assert [(finding.seq, finding.problem) for finding in found] == [(1, "missing")]
    with pytest.raises(MissingRecord):
        exported(mine, 3, complete=True)


def test_the_servers_verification_goes_on_after_a_forged_record_of_retention(mine):
    """What retention recorded is read from a body, which may hold any type."""
    write(mine)
    write(mine, canonical({"identity": {}, "properties": {"below": {}}}), operation=Operation.LOG_FORGET)
    assert mine.sequence() == 2
    LogRow.objects.filter(pk=mine.id).update(forgotten=1)
    assert "missing" in {finding.problem for finding in mine.check()}
