"""A log of its own for a test: really committed, really sequenced, signed by a key of the test."""

import dataclasses
import hashlib
import importlib
import os
import uuid
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from django.db import connection

from apps.audit_log import sequencer, writer
from apps.audit_log.auditverify import Verifier, signed_note, vkey_of
from apps.audit_reader import decryption
from apps.audit_reader.log_verification import check
from apps.core.clock import now
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Scope

_GRAMMAR = importlib.import_module("apps.audit_log.migrations.0007_grammar")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Records are opened by the running audit worker."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and "log" in item.fixturenames:
            item.add_marker(pytest.mark.stack)


class Log:
    """One log, and what an attacker with the owner's rights can do to it."""

    def __init__(self) -> None:
        self.id = uuid.uuid4()
        self._key = ec.generate_private_key(ec.SECP256R1())
        spki = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.vkey = vkey_of("audit.test", spki)
        self.verifiers = [Verifier.parse(self.vkey)]
        self.signer = sequencer.Signer("audit.test", spki, self._sign)

    def _sign(self, digests: Sequence[bytes]) -> list[bytes]:
        algorithm = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
        return [self._key.sign(digest, algorithm) for digest in digests]

    def note(self, like, size):
        """A checkpoint of ours that says another size."""
        text = dataclasses.replace(like, size=size).text()
        (signature,) = self._sign([hashlib.sha256(text.encode()).digest()])
        return signed_note(text, self.signer.name, self.signer.spki, signature)

    def record(self, number, *, operation="KeySign", **detail):
        """One record of this log."""
        context = RequestContext(request_id=uuid.uuid4(), address="192.0.2.1", user_agent="tests")
        scope = Scope(self.id, "payroll")
        return make_record(
            None,
            scope,
            context,
            operation=operation,
            phase="outcome",
            status=200,
            object_id=f"keys/k{number}/1",
            **detail,
        )

    def write(self, count, *, batch=100, **detail):
        """Commit so many records, and sequence them batch by batch."""
        for start in range(0, count, batch):
            writer.append([self.record(n, **detail) for n in range(start, min(start + batch, count))])
            self.sequence()

    def sequence(self, **more):
        """Until nothing is left to do."""
        done = 0
        while count := sequencer.sequence(signer=self.signer, now=now(), **more):
            done += count
        return done

    def check(self, **more):
        return check(log_id=self.id, verifiers=self.verifiers, **more)

    def rows(self, columns="id", order="l.seq"):
        """Columns of this log's events, in the log's order."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {columns} FROM audit_event e JOIN audit_leaf l ON l.event_id = e.id "
                f"WHERE e.log_id = %s ORDER BY {order}",
                [self.id],
            )
            return cursor.fetchall()


@pytest.fixture
def attacker(transactional_db):
    """Statements as the tables' owner, the append-only triggers and the constraints of values switched off."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute(_GRAMMAR.release("audit_event", _GRAMMAR.EVENT))
    url = os.environ["DATABASE_URL"].replace("/vaultportal?", f"/{connection.settings_dict['NAME']}?")
    with psycopg.connect(url, autocommit=True) as raw:
        yield raw
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
        cursor.execute(_GRAMMAR.constrain("audit_event", _GRAMMAR.EVENT))


@pytest.fixture(autouse=True)
def _no_data_keys():
    """The tables are emptied after each test: what this process believes to be stored is not."""
    if hasattr(connection, "audit_writer"):
        del connection.audit_writer
    decryption._known.clear()


@pytest.fixture
def log(transactional_db):
    """Alone in the table, which has no model that would empty it after a test."""
    yield Log()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_event")
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
