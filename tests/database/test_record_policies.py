"""Where in the log a role can place a record: at the end, today."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from apps.core.ids import min_uuid7_at
from tests.support.audit_rows import record
from tests.support.roles import attempt, connect
from vaultportal.database_privileges import EVENTS, HSM, ROLES

pytestmark = pytest.mark.django_db


@pytest.fixture
def roles(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        connections = {role: connect(role) for role in ROLES}
        yield connections
        for each in connections.values():
            each.close()


def refused_by(roles, **changes):
    errors = {role: attempt(connection, *record(**changes)) for role, connection in roles.items()}
    assert all(error is None or isinstance(error, psycopg.errors.InsufficientPrivilege) for error in errors.values())
    return {role for role, error in errors.items() if error is not None}


def test_each_role_records_what_happens_now(roles):
    assert refused_by(roles) == {EVENTS}  # it writes no records
    assert refused_by(roles, at=datetime.now(UTC) - timedelta(days=7)) == {EVENTS}


@pytest.mark.parametrize("days", [-400, -2, 2, 400])
def test_no_role_writes_a_record_with_the_id_of_another_day(roles, days):
    moment = datetime.now(UTC) + timedelta(days=days)
    assert refused_by(roles, id=min_uuid7_at(moment.timestamp())) == set(ROLES)


@pytest.mark.parametrize("days", [-400, 2, 400])
def test_no_role_dates_a_record_so_that_it_outlives_retention_or_goes_early(roles, days):
    assert refused_by(roles, at=datetime.now(UTC) + timedelta(days=days)) == set(ROLES)


def test_no_role_chooses_the_transaction_of_a_record(roles):
    assert refused_by(roles, xid=1) == set(ROLES)


@pytest.mark.parametrize("operation", ["KeyBind", "SecretSeal"])
def test_the_hsm_worker_alone_records_what_it_bound_or_sealed(roles, operation):
    assert refused_by(roles, operation=operation, phase="outcome", status=200) == set(ROLES) - {HSM}
