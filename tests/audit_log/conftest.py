"""An export of a log in four segments, and a log in the database."""

import pytest
from django.db import connection

from tests.audit_reader.conftest import Log
from tests.support.signed_exports import Maker

SIZES = [5, 8, 1, 9]  # the records of each segment: 0-4, 5-12, 13-13, 14-22


@pytest.fixture
def made(tmp_path):
    maker = Maker(tmp_path / "export")
    for size in SIZES:
        maker.add(size).write()
    return maker


@pytest.fixture
def log(transactional_db):
    """Alone in the table, which has no model that would empty it after a test."""
    if hasattr(connection, "audit_writer"):
        del connection.audit_writer
    yield Log()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_event")
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")
