"""Following live is recorded once a minute, as long as it lasts."""

import pytest
from cachetools import TTLCache

from apps.audit_reader import search_service
from apps.audit_reader.queries import Search
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from tests.support import records


@pytest.fixture
def clock(monkeypatch):
    """A list whose one number is the time; the memory of who follows reads it."""
    time = [0.0]
    known = TTLCache(maxsize=10_000, ttl=search_service._FOLLOWED_SECONDS, timer=lambda: time[0])
    monkeypatch.setattr(search_service, "_followed", known)
    return time


def test_who_follows_for_a_minute_and_a_second_is_recorded_twice(log, clock):
    grant, what = system_grant(Permission.AUDIT_READ, origin="tests"), Search(log_id=log.id)
    for second in range(62):
        clock[0] = float(second)
        search_service.follow(grant=grant, what=what, limit=1)
    assert len(records.in_test(operation="LogFollow")) == 2


def test_each_search_is_recorded_for_itself(log, clock):
    grant = system_grant(Permission.AUDIT_READ, origin="tests")
    for operation in ("KeySign", "KeyVerify", "KeySign"):
        search_service.follow(grant=grant, what=Search(log_id=log.id, operation=operation), limit=1)
    assert len(records.in_test(operation="LogFollow")) == 2
