"""Searching says everything that there is: no name hides another's records, and no search ends before all was read."""

import uuid
from datetime import timedelta

import pytest

from apps.audit_log import writer
from apps.audit_reader import queries, review_rules, search_service
from apps.audit_reader.reviews import Reviewed
from apps.audit_reader.search_params import parse_search
from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.core.sql import execute
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import GrantMismatch, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.interfaces.console.auditors.review_queue import RULE_TEXTS, _at_most, _full
from tests.support import actors


def write(log, operation, *principals):
    """A record of each."""
    writer.append(
        [
            make_record(
                who, Scope(log.id, "searched"), actors.request(), operation=operation, phase="outcome", status=200
            )
            for who in principals
        ]
    )


def callers(log, name):
    """Who is found by a name, as often as there are records, the newest first."""
    grant = system_grant(Permission.AUDIT_READ, origin="tests")
    what = parse_search({"caller": name}, log_id=log.id)
    found, _ = search_service.read(grant=grant, what=what, limit=50)
    exported = list(search_service.export(grant=grant, what=what))
    assert [record.id for record in exported] == [record.id for record in found]
    return [record.caller for record in found]


def paged(grant, what, *, limit):
    """The ids that one page after another gives, until there is no next."""
    found, page = [], search_service.read(grant=grant, what=what, limit=limit)
    while page.reached:
        found += [record.id for record in page.records]
        page = search_service.read(grant=grant, what=what, limit=limit, before=page.reached)
    return found + [record.id for record in page.records]


def test_a_person_is_found_though_an_application_has_their_name(log):
    mallory = actors.make_person("mallory", PersonRole.DEVELOPER)
    application = actors.make_application("Mallory")
    write(log, "SecretReveal", mallory)
    write(log, "SecretGet", application, application)
    assert callers(log, "mallory") == [application.client_id, application.client_id, "mallory"]
    assert callers(log, "MALLORY") == callers(log, "mallory")
    assert callers(log, application.client_id) == [application.client_id] * 2


def test_applications_whose_names_differ_in_capitals_do_not_hide_one_another(log):
    one, other = actors.make_application("payroll"), actors.make_application("Payroll")
    write(log, "SecretGet", one, other, one)
    assert callers(log, "payroll") == [one.client_id, other.client_id, one.client_id]
    assert callers(log, f"nobody-{uuid.uuid4().hex}") == []


def test_pages_of_a_name_follow_one_another_without_gap_or_double(log):
    one, other = actors.make_application("payroll"), actors.make_application("Payroll")
    write(log, "SecretGet", *[one, other, other] * 9)
    grant, what = (
        system_grant(Permission.AUDIT_READ, origin="tests"),
        parse_search({"caller": "payroll"}, log_id=log.id),
    )
    whole = [record.id for record in search_service.read(grant=grant, what=what, limit=50).records]
    assert len(whole) == 27
    assert paged(grant, what, limit=4) == whole


def test_a_version_is_found_behind_however_many_uses_of_another(log, monkeypatch):
    """The index knows names, not versions: what it finds is read until one fits, or all was read."""
    monkeypatch.setattr(queries, "LARGEST_PAGE", 50)  # so that fewer records are more than one search reads
    old, new = uuid.uuid4().hex, uuid.uuid4().hex
    writer.append([used(log, f"secrets/db/{old}")])
    writer.append([used(log, f"secrets/db/{new}") for _ in range(1100)])
    grant, limit = system_grant(Permission.AUDIT_READ, origin="tests"), 50
    what = parse_search({"object": f"secrets/db/{old}"}, log_id=log.id)
    (exported,) = search_service.export(grant=grant, what=what)
    assert exported.object_id == f"secrets/db/{old}"
    assert paged(grant, what, limit=limit) == [exported.id]
    everything = search_service.export(grant=grant, what=parse_search({"object": "secrets/db"}, log_id=log.id))
    assert sum(1 for _ in everything) == 1101


def used(log, name):
    """A record of somebody's use."""
    scope = Scope(log.id, "searched")
    detail = {"operation": "SecretGet", "phase": "outcome", "status": 200}
    return make_record(None, scope, actors.request(), object_id=name, **detail)


def test_looking_wants_a_grant_for_reading():
    grant = system_grant(Permission.AUDIT_REVIEW, origin="tests")
    with pytest.raises(GrantMismatch):
        search_service.search(grant=grant, operation="LogPatterns")


def test_a_rule_that_found_as_many_as_are_shown_is_not_full_and_one_more_is_told(log):
    """Of whichever operation: a rule's items are shown together."""

    def stops():
        items = review_rules.list_items(week=review_rules.week_of(now()))
        return [item for item in items if item.rule == "stop"]

    log.write(review_rules.MOST - 10, operation="VaultFreeze")
    log.write(10, operation="VaultUnfreeze")
    assert (len(stops()), _full({"stop": len(stops())})) == (review_rules.MOST, [])
    log.write(90, operation="VaultUnfreeze")
    found = stops()
    assert (len(found), _full({"stop": len(found)})) == (review_rules.MOST + 1, [RULE_TEXTS["stop"][0]])
    assert len(_at_most([Reviewed(item, None) for item in found])) == review_rules.MOST, (
        "as many are shown as the page states"
    )
    assert found == sorted(found, key=lambda item: item.at, reverse=True)
    assert {item.operation for item in found[:90]} == {"VaultUnfreeze"}


@pytest.mark.parametrize("span", [timedelta(minutes=10), timedelta(hours=1), timedelta(hours=24), timedelta(days=7)])
@pytest.mark.parametrize("second", [0, 20, 59])
def test_a_bar_of_the_picture_has_the_records_of_its_time(log, span, second):
    until = now().replace(second=second, microsecond=5)
    minutes = [until.replace(second=0, microsecond=0) - timedelta(minutes=number) for number in range(3)]
    for number, minute in enumerate(minutes, start=1):
        execute(
            "INSERT INTO audit_minutecount (minute, log_id, total, refused) VALUES (%s, %s, %s, 0)",
            [minute, log.id, number],
        )
    bars = queries.histogram(log_id=log.id, since=until - span, until=until, buckets=60)
    starts = [start for start, _total, _refused in bars]
    ends = [*starts[1:], until]
    for (start, total, _refused), end in zip(bars, ends, strict=True):
        inside = [number for number, minute in enumerate(minutes, start=1) if start <= minute < end or start == minute]
        assert total == sum(inside), (start, end)
    assert sum(total for _start, total, _refused in bars) == 1 + 2 + 3
