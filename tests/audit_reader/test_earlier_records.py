"""Records of an installation from before the log was sealed."""

import json
import uuid

import pytest
from django.core.management import call_command
from django.db import connection

from apps.audit_log.records import Record
from apps.core.ids import uuid7
from apps.usage import counters
from apps.usage.models import UseCount
from vaultportal.database_privileges import EARLIER

pytestmark = pytest.mark.stack
_TABLE = f"""
    CREATE TABLE {EARLIER} (id uuid PRIMARY KEY, at timestamptz NOT NULL, vault_id uuid, vault_name text NOT NULL,
    operation text NOT NULL, phase text NOT NULL, status smallint NOT NULL, caller_id uuid, caller text NOT NULL,
    object_id text NOT NULL, request_id uuid NOT NULL, correlation_id text NOT NULL, address text NOT NULL,
    detail jsonb NOT NULL)
"""


@pytest.fixture
def earlier(log):
    """1 100 records in clear, each of a use that was counted when it happened."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
        names = ("id", *Record._fields)
        insert = f"INSERT INTO {EARLIER} ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"
        records = (log.record(number)._replace(caller_id=uuid.UUID(int=1), caller="app") for number in range(1100))
        cursor.executemany(
            insert, [(uuid7(), *record._replace(detail=json.dumps(record.detail))) for record in records]
        )
    yield log
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {EARLIER}")


def test_they_are_sealed_in_their_order_not_counted_again_and_their_table_goes(earlier):
    call_command("seal_earlier_records")
    counters.flush()
    assert not UseCount.objects.filter(vault_id=earlier.id).exists()
    assert earlier.sequence() == 1100
    assert earlier.check() == []
    numbers = [number for (number,) in earlier.rows("e.number")]
    assert numbers == sorted(numbers)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)::text", [EARLIER])
        assert cursor.fetchone()[0] is None
    call_command("seal_earlier_records")  # a second start finds nothing to do
    assert earlier.sequence() == 0
