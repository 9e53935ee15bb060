"""The status of a delivery is old when the delivery process is down, and the page says so."""

from django.db import connection

from apps.log_delivery import queries
from tests.support.waiting import wait_until


def test_a_delivery_process_that_is_gone_is_noticed(db):
    assert not queries.is_running()
    process = connection.copy()
    with process.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [1, queries.RUNNING])
        assert not queries.is_running(), "a lock of two keys is another one"
        cursor.execute("SELECT pg_advisory_lock(%s)", [queries.RUNNING])
    assert queries.is_running()
    process.close()  # its server process ends a moment later
    wait_until(lambda: not queries.is_running(), "a lock whose process is gone")
