"""The database guards the deletion of a vault: its dates, purge protection, and what may be removed after a purge."""

import uuid
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from apps.audit_reader.models import UnrecordedChange
from apps.core.clock import now
from tests.support import actors
from tests.support.roles import connect
from vaultportal.database_privileges import JOBS, ROLES, WEB

pytestmark = pytest.mark.django_db(transaction=True)
DATES = "UPDATE vaults_vault SET deleted = %s, purge_after = %s WHERE id = %s"
PURGE = "UPDATE vaults_vault SET purged = now() WHERE id = %s"
REFUSED = psycopg.errors.InsufficientPrivilege


@pytest.fixture
def guarded():
    """A vault with purge protection, and a key in it."""
    vault = actors.make_vault(actors.make_world(), "kept")
    vault.purge_protection = True
    vault.save()
    return vault, actors.make_key(vault, "x")


def run(role, *statements):
    """Carry out statements in one transaction that is committed; the error, or None."""
    with connect(role) as database:
        try:
            for statement, values in statements:
                database.execute(statement, values)
            database.commit()
        except psycopg.Error as error:
            database.rollback()
            return error
    return None


def removal_of(key):
    return [
        ("UPDATE keys_key SET current_id = NULL WHERE id = %s", [key.pk]),
        ("DELETE FROM keys_keyversion WHERE key_id = %s", [key.pk]),
        ("DELETE FROM keys_key WHERE id = %s", [key.pk]),
    ]


def as_owner(statement, values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_a_deletion_gets_the_time_of_now_and_the_days_of_the_vault_once(guarded):
    vault, _ = guarded
    moment, days = now(), timedelta(days=90)
    for deleted, purge_after in (
        (moment, moment + days - timedelta(seconds=1)),
        (moment - timedelta(days=1), moment + days),
        (moment, moment + timedelta(days=91)),
    ):
        assert isinstance(run(WEB, (DATES, [deleted, purge_after, vault.pk])), REFUSED)
    assert isinstance(run(WEB, (DATES, [moment, None, vault.pk])), psycopg.errors.CheckViolation)
    assert run(WEB, (DATES, [moment, moment + days, vault.pk])) is None
    assert isinstance(run(WEB, (DATES, [moment, moment + days - timedelta(hours=1), vault.pk])), REFUSED)
    assert run(WEB, (DATES, [None, None, vault.pk])) is None


@pytest.mark.parametrize("role", ROLES)
def test_nobody_purges_a_protected_vault_early_nor_what_is_in_it(guarded, role):
    vault, key = guarded
    moment = now()
    assert run(WEB, (DATES, [moment, moment + timedelta(days=90), vault.pk])) is None
    due = ("UPDATE vaults_vault SET deleted = %s, purge_after = %s, purged = now() WHERE id = %s",
           [moment - timedelta(days=99), moment - timedelta(days=1), vault.pk])  # fmt: skip
    unprotected = ("UPDATE vaults_vault SET purge_protection = false WHERE id = %s", [vault.pk])
    for statements in (
        [(PURGE, [vault.pk])],
        [due],
        [unprotected, (PURGE, [vault.pk])],
        removal_of(key),
        [("DELETE FROM vaults_vault WHERE id = %s", [vault.pk])],
        [("UPDATE vaults_vault SET name = 'other' WHERE id = %s", [vault.pk])],
    ):
        assert isinstance(run(role, *statements), REFUSED)


def test_what_is_in_a_purged_vault_may_be_removed_and_the_purge_stays(guarded):
    vault, key = guarded
    as_owner(DATES, [now() - timedelta(days=91), now() - timedelta(days=1), vault.pk])
    assert isinstance(run(JOBS, *removal_of(key)), REFUSED)
    assert run(JOBS, (PURGE, [vault.pk])) is None
    for statement in ("purged = NULL", "deleted = NULL, purge_after = NULL, purged = NULL", "purged = now()"):
        assert isinstance(run(WEB, (f"UPDATE vaults_vault SET {statement} WHERE id = %s", [vault.pk])), REFUSED)
    assert run(JOBS, *removal_of(key)) is None


def test_a_vault_that_is_not_deleted_is_not_purged():
    vault = actors.make_vault(actors.make_world(), "open")
    assert isinstance(run(WEB, (PURGE, [vault.pk])), psycopg.errors.InsufficientPrivilege)
    moment = now()
    deleted = (DATES, [moment, moment + timedelta(days=90), vault.pk])
    assert run(WEB, deleted, (PURGE, [vault.pk])) is None  # without purge protection, at once


def test_a_deletion_without_a_record_is_found(guarded):
    vault, _ = guarded
    UnrecordedChange.objects.all().delete()
    moment = now()
    assert run(WEB, (DATES, [moment, moment + timedelta(days=90), vault.pk])) is None
    assert [(row.relation, row.row_id) for row in UnrecordedChange.objects.all()] == [("vaults_vault", str(vault.pk))]


def test_the_name_of_a_purged_vault_is_free_for_one_vault():
    vault = actors.make_vault(actors.make_world(), "name")
    as_owner("UPDATE vaults_vault SET deleted = now(), purge_after = now(), purged = now() WHERE id = %s", [vault.pk])
    insert = (
        "INSERT INTO vaults_vault (id, name, world_id, state, recoverable_days, purge_protection, production, held, "
        "rsa1_5, test, frozen, limits, created) SELECT %s, 'NAME', world_id, 'failed', 90, false, false, false, false, "
        "false, false, '{}', now() FROM vaults_vault WHERE id = %s"
    )
    assert run(WEB, (insert, [uuid.uuid4(), vault.pk])) is None
    assert isinstance(run(WEB, (insert, [uuid.uuid4(), vault.pk])), psycopg.errors.UniqueViolation)
