"""Slots and their connections to the database."""

import pytest
from django.core.signals import request_started
from django.db import OperationalError, connection

from apps.interfaces.http_server.slots import Slots

BACKENDS = "SELECT pg_backend_pid()"


@pytest.fixture
def slots(transactional_db):
    yield Slots(3)
    for kept in Slots._connections:
        kept.close()


def request(slots):
    """The backend that a request in the next slot uses."""
    with slots.taken():
        request_started.send(sender=None, environ={})
        with connection.cursor() as cursor:
            return cursor.execute(BACKENDS).fetchone()[0]


def test_one_request_fails_after_a_restart_of_the_database_and_not_one_of_each_slot(slots):
    backends = [request(slots) for _ in range(3)]
    assert len(set(backends)) == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [backends])
    with pytest.raises(OperationalError):
        request(slots)
    assert set(backends).isdisjoint(request(slots) for _ in range(3))


def test_no_request_fails_after_a_restart_of_the_database_when_it_is_the_first_for_a_second(slots, monkeypatch):
    monkeypatch.setattr("apps.interfaces.http_server.slots._TESTED_AFTER", 0)
    backends = [request(slots) for _ in range(3)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [backends])
    assert set(backends).isdisjoint(request(slots) for _ in range(3))
