"""Triggers note each change of what processes cache (vaultportal/change_triggers.py)."""

import re

import psycopg
import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AlterField

from apps.core.sql import execute, select, select_value
from apps.core.trigger_migrations import DropChangeTriggers
from tests.support import actors
from tests.support.roles import attempt, connected
from vaultportal.change_triggers import NOTED
from vaultportal.database_privileges import ROLES

pytestmark = pytest.mark.django_db


def notes():
    return {topic for (topic,) in select("SELECT topic FROM core_change WHERE xid = pg_current_xact_id()")}


def forget():
    execute("DELETE FROM core_change WHERE xid = pg_current_xact_id()")


def columns_of(noted):
    if noted.columns:
        return noted.columns.split(", ")
    rows = select("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [noted.table])
    return [name for (name,) in rows]


@pytest.mark.parametrize("noted", NOTED, ids=lambda noted: f"{noted.table}-{noted.topic}")
def test_each_update_of_a_cached_column_is_noted(noted, people):
    """By statement, so also where no row matches; `people`: an organisation with a vault."""
    where = "true" if not noted.when else "state = 'ready'"
    for column in columns_of(noted):
        forget()
        execute(f'UPDATE {noted.table} SET "{column}" = "{column}" WHERE {where}')
        if noted.when and not select_value(f"SELECT count(*) FROM {noted.table} WHERE {where}"):
            continue
        assert noted.topic in notes(), f"{noted.table}.{column}"
    forget()
    execute(f"DELETE FROM {noted.table} WHERE false")
    assert noted.topic in notes()


def test_a_ready_version_notes_its_changes_and_a_pending_one_none(vault):
    version = actors.make_key(vault, "signing").current
    forget()
    execute("UPDATE keys_keyversion SET enabled = false WHERE id = %s", [version.pk])
    assert notes() == {"objects"}
    execute("UPDATE keys_keyversion SET state = 'pending' WHERE id = %s", [version.pk])
    forget()
    execute("UPDATE keys_keyversion SET state = 'ready' WHERE id = %s", [version.pk])
    assert notes() == set(), "each new version would end what is cached of all keys"


def test_a_new_role_is_noted_and_a_new_current_version_is_not(vault, people):
    forget()
    actors.give(people.app, "key-vault-secrets-user", vault)
    assert notes() == {"roles"}
    forget()
    execute("UPDATE keys_key SET current_id = current_id")
    execute("UPDATE secrets_secret SET current_id = current_id")
    assert notes() == set()


STATEMENTS = (
    "DELETE FROM core_change",
    "UPDATE core_change SET topic = ''",
    "INSERT INTO core_change (topic) VALUES ('x')",
    "TRUNCATE core_change",
)


@pytest.mark.parametrize("role", ROLES)
def test_no_serving_role_writes_notes(role):
    with connected(role) as connections:
        for statement in STATEMENTS:
            assert isinstance(attempt(connections[role], statement), psycopg.errors.InsufficientPrivilege)


def test_a_migration_that_changes_a_noted_column_drops_the_triggers_first():
    """PostgreSQL refuses it otherwise, and only on a system that is upgraded: a new one has no triggers yet."""
    columns = {(noted.table, name) for noted in NOTED for name in noted.columns.split(", ") if name}
    columns |= {(noted.table, re.match(r"OLD\.(\w+)", noted.when)[1]) for noted in NOTED if noted.when}
    changed = 0
    for migration in MigrationLoader(connection).disk_migrations.values():
        dropped = set()
        for operation in migration.operations:
            dropped |= {operation.table} if isinstance(operation, DropChangeTriggers) else set()
            if isinstance(operation, AlterField):
                table = apps.get_model(migration.app_label, operation.model_name)._meta.db_table
                assert (table, operation.name) not in columns or table in dropped, migration
                changed += (table, operation.name) in columns
    assert changed, "keys 0003 is one"
