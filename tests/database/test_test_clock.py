"""The clock of a test installation moves forward, with every process and guard; a production vault's time never moves."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from apps.core import clock, movable_clock
from apps.core.models import MovableClock
from apps.core.sql import select, select_value
from apps.domain.access.permissions import Permission
from apps.domain.vaults.clock import BadMove, ClockNotMovable, move_clock, read_clock
from apps.domain.vaults.models import Vault
from apps.domain.vaults.operations import NotOnTestClock, update
from apps.usage import counters
from apps.usage.models import HourCount, UseCount
from tests.support import actors
from tests.support.roles import attempt, connect
from vaultportal.database_privileges import JOBS, WEB

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=365)


@pytest.fixture
def movable(settings, people):
    settings.TEST_CLOCK = True
    MovableClock.objects.create(moved=clock.now())
    movable_clock.invalidate()
    yield
    movable_clock.invalidate()


@pytest.fixture
def move(people, movable):
    def forward(by):
        grant = actors.grant_of(people.secops, Permission.VAULTS_UPDATE)
        found = move_clock(grant=grant, by=by, now=clock.now())
        movable_clock.invalidate()  # the transaction of the test ends after it
        return found

    return forward


def test_a_move_counts_for_objects_and_not_for_the_machine(vault, move):
    before = clock.now()
    assert move(YEAR).moved == YEAR
    assert move(timedelta(seconds=1)).moved == YEAR + timedelta(seconds=1)
    assert clock.lifecycle_now() - before > YEAR
    assert clock.now() - before < timedelta(hours=1)
    assert read_clock(now=clock.now()).movable
    rows = select("SELECT at, operation FROM audit_event WHERE operation = 'ClockMove'")
    assert len(rows) == 2 and all(at - before < timedelta(hours=1) for at, _ in rows)


def test_last_uses_have_the_time_of_objects(vault, people, move):
    """Rollovers compare them with announcements and rehearsals."""
    before = clock.now()
    move(YEAR)
    counters.clear()
    counters.add([counters.Use(clock.now(), vault.pk, people.app.id, "app", "keys/a/1", "KeySign", 200)])
    counters.flush()
    count = UseCount.objects.get(caller_id=people.app.id)
    assert count.first == count.last > before + YEAR
    assert HourCount.objects.get(caller_id=people.app.id).hour < before + timedelta(hours=1)


@pytest.mark.django_db(transaction=True)
def test_the_guards_of_the_database_follow(vault, move):
    move(YEAR)
    key, there = actors.make_key(vault), clock.lifecycle_now()
    delete = "UPDATE keys_key SET deleted = %s, purge_after = %s WHERE id = %s"
    with connect(WEB) as database:
        refused = attempt(database, delete, [clock.now(), clock.now() + timedelta(days=90), key.pk])
        assert "what is deleted now" in str(refused)
        assert attempt(database, delete, [there, there + timedelta(days=90), key.pk]) is None
        database.rollback()
    Vault.objects.filter(pk=vault.pk).update(purge_protection=True)
    may = "SELECT may_be_purged(%s, %s, %s)"
    assert not select_value(may, [vault.pk, there, there + timedelta(days=90)])
    move(timedelta(days=91))
    assert select_value(may, [vault.pk, there, there + timedelta(days=90)])


@pytest.mark.parametrize("by", [timedelta(0), timedelta(days=-1), timedelta(days=8000)])
def test_it_moves_forward_and_not_too_far(move, by):
    with pytest.raises(BadMove):
        move(by)


def test_the_database_refuses_a_move_backward_and_production_vaults(vault, people, move):
    move(YEAR)
    with pytest.raises(ProgrammingError, match="moves forward"), transaction.atomic():
        MovableClock.objects.update(seconds=0)
    with pytest.raises(ProgrammingError, match="has no production vault"), transaction.atomic():
        Vault.objects.update(production=True)
    with pytest.raises(NotOnTestClock):
        update(
            grant=actors.grant_of(people.secops, Permission.VAULTS_UPDATE),
            name=vault.name,
            production=True,
            now=clock.lifecycle_now(),
        )


@pytest.mark.django_db(transaction=True)
def test_beside_a_production_vault_every_process_and_the_database_refuse(vault, move):
    move(YEAR)
    with connection.cursor() as cursor:  # as only the owner of the tables could
        cursor.execute("ALTER TABLE vaults_vault DISABLE TRIGGER has_no_test_clock")
        Vault.objects.update(production=True)
        cursor.execute("ALTER TABLE vaults_vault ENABLE TRIGGER has_no_test_clock")
    movable_clock.invalidate()
    with pytest.raises(movable_clock.ClockRefused):
        clock.lifecycle_now()
    assert abs(select_value("SELECT lifecycle_now()") - clock.now()) < timedelta(minutes=1)
    with pytest.raises(movable_clock.ClockRefused):
        move(YEAR)


def test_a_production_installation_gets_no_such_clock(vault):
    Vault.objects.update(production=True)
    with pytest.raises(ProgrammingError, match="no clock that moves"), transaction.atomic():
        MovableClock.objects.create(moved=clock.now())


def test_an_installation_that_was_initialised_without_it_stays_so(people, settings):
    with pytest.raises(CommandError, match="initialised without"):
        call_command("create_test_clock")
    grant = actors.grant_of(people.secops, Permission.VAULTS_UPDATE)
    with pytest.raises(ClockNotMovable):
        move_clock(grant=grant, by=YEAR, now=clock.now())
    settings.TEST_CLOCK = True  # a process with the setting refuses requests
    movable_clock.invalidate()
    with pytest.raises(movable_clock.ClockRefused):
        clock.lifecycle_now()


def test_without_the_setting_a_process_reads_no_clock(move, settings, django_assert_num_queries):
    move(YEAR)
    settings.TEST_CLOCK = False
    with django_assert_num_queries(0):
        assert clock.lifecycle_now() - clock.now() < timedelta(minutes=1)


@pytest.mark.parametrize("role", [WEB, JOBS])
def test_no_process_makes_the_clock(role):
    with connect(role) as database, pytest.raises(Exception, match="permission denied"):
        database.execute('INSERT INTO core_movableclock ("only", seconds, moved) VALUES (true, 0, now())')
