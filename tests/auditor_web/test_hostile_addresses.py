"""Whatever stands in an address of an auditors' page: an answer, and never a fault of ours."""

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.audit_log.models import MinuteCount
from apps.audit_reader import queries
from apps.domain.identity.models import User
from apps.interfaces.console.auditors.base import AuditorsPage
from apps.interfaces.console.auditors.explorer import Explorer
from apps.interfaces.console.auditors.patterns import Patterns
from apps.interfaces.console.auditors.review_queue import ReviewQueue

pytestmark = pytest.mark.django_db
LOG = uuid.UUID("0193a1b2-0000-7000-8000-00000000abcd")


@pytest.fixture
def ask(settings, people, rf):
    """The status of a page for the auditor, and its text."""
    settings.ROOT_URLCONF = "vaultportal.urls.audit_host"

    def get(page, *, zone="UTC", **params):
        request = rf.get("/", params)
        request.user = User.objects.get(username="auditor")
        request.COOKIES["zone"] = zone
        answer = page.as_view()(request)
        return answer.status_code, answer.content.decode()

    return get


@pytest.mark.parametrize(
    "params",
    [
        {"from": "2026-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"},
        {"from": "9999-12-31T23:59:59Z"},
        {"to": "0001-01-01T00:00:00Z"},
        {"to": "1999-12-31T23:59:59Z"},
    ],
)
def test_times_in_which_there_can_be_no_record_are_not_understood(ask, params):
    status, text = ask(Explorer, **params)
    assert status == 400
    assert "2000 to 2200" in text


@pytest.mark.stack  # the running audit worker opens the records
@pytest.mark.parametrize("params", [{"to": "2000-01-01T00:00:00Z", "last": "90d"}, {"from": "2000-01-01T00:00:00Z"}])
def test_at_the_edge_of_time_there_is_an_answer(ask, params):
    assert ask(Explorer, **params)[0] == 200
    assert ask(Explorer, **{"from": "2026-01-01T00:00:00Z", "to": "2200-12-31T23:59:59Z"})[0] == 200


@pytest.mark.parametrize("week", ["9999-12-31", "0001-01-01", "2201-01-01", "1999-12-31"])
def test_so_are_weeks(ask, week):
    assert ask(ReviewQueue, week=week)[0] == 400


@pytest.mark.parametrize("week", ["2000-01-01", "2200-12-31"])
def test_weeks_of_the_last_years_that_are_understood_have_an_answer(ask, week):
    assert ask(ReviewQueue, week=week)[0] == 200


@pytest.mark.parametrize("text", [f"{{{str(LOG)[:-1]}\n}}", f"{{{LOG}}}", f"urn:uuid:{LOG}", LOG.hex.upper()])
def test_the_id_of_a_log_has_one_spelling(text):
    chosen = AuditorsPage().chosen({"vault": text + " "})
    assert chosen.name == str(chosen.log_id)


@pytest.mark.parametrize(
    "zone", ["localtime", "posixrules", "right/Europe/Berlin", "Asia/Kathmandu", "no/such", "../x"]
)
def test_hours_are_of_any_zone(ask, zone):
    assert ask(Patterns, zone=zone)[0] == 200


def test_hours_and_weekdays_are_those_of_the_zone():
    log, monday = uuid.uuid4(), datetime(2026, 11, 23, tzinfo=UTC)
    for minute, total, refused in ((18 * 60 + 14, 1, 0), (18 * 60 + 15, 10, 5), (18 * 60 + 59, 100, 0)):
        MinuteCount.objects.create(log_id=log, minute=monday + timedelta(minutes=minute), total=total, refused=refused)
    span = {"log_id": log, "since": monday, "until": monday + timedelta(days=1)}
    assert queries.by_hour(**span, zone=UTC) == {(1, 18): (111, 5)}
    kathmandu = queries.by_hour(**span, zone=ZoneInfo("Asia/Kathmandu"))  # 5:45 ahead
    assert kathmandu == {(1, 23): (1, 0), (2, 0): (110, 5)}
