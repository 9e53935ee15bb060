"""Searching says everything that there is: no name hides another's records, and no search ends before all was read."""

import uuid

import pytest

from apps.access.grants import Scope
from apps.access.permissions import Permission
from apps.access.recording import make_record
from apps.access.system import system_grant
from apps.audit import trail
from apps.auditing import lookups
from apps.auditing.criteria import search_of
from apps.core.principals import Duty
from tests import cast


def write(log, operation, *principals):
    """A record of each."""
    trail.append(
        [
            make_record(
                who, Scope(log.id, "searched"), cast.request(), operation=operation, phase="outcome", status=200
            )
            for who in principals
        ]
    )


def callers(log, name):
    """Who is found by a name, as often as there are records, the newest first."""
    grant = system_grant(Permission.AUDIT_READ, origin="tests")
    what = search_of({"caller": name}, log_id=log.id)
    found = lookups.read(grant=grant, what=what, limit=50)
    exported = list(lookups.export(grant=grant, what=what))
    assert [record.id for record in exported] == [record.id for record in found]
    return [record.caller for record in found]


def test_a_person_is_found_though_an_application_has_their_name(log):
    mallory = cast.make_person("mallory", Duty.DEVELOPER)
    application = cast.make_application("Mallory")
    write(log, "SecretReveal", mallory)
    write(log, "SecretGet", application, application)
    assert callers(log, "mallory") == [application.client_id, application.client_id, "mallory"]
    assert callers(log, "MALLORY") == callers(log, "mallory")
    assert callers(log, application.client_id) == [application.client_id] * 2


def test_applications_whose_names_differ_in_capitals_do_not_hide_one_another(log):
    one, other = cast.make_application("payroll"), cast.make_application("Payroll")
    write(log, "SecretGet", one, other, one)
    assert callers(log, "payroll") == [one.client_id, other.client_id, one.client_id]
    assert callers(log, f"nobody-{uuid.uuid4().hex}") == []


def test_pages_of_a_name_follow_one_another_without_gap_or_double(log):
    one, other = cast.make_application("payroll"), cast.make_application("Payroll")
    write(log, "SecretGet", *[one, other, other] * 9)
    grant, what = system_grant(Permission.AUDIT_READ, origin="tests"), search_of({"caller": "payroll"}, log_id=log.id)
    whole = [record.id for record in lookups.read(grant=grant, what=what, limit=50)]
    assert len(whole) == 27
    found, before = [], None
    while page := lookups.read(grant=grant, what=what, limit=4, before=before):
        found += [record.id for record in page]
        before = page[-1].id
    assert found == whole
