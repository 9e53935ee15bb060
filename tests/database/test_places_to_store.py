"""No role stores anything outside of the tables that it may write."""

import os

import psycopg
import pytest

from tests.support.roles import attempt, connect
from vaultportal.database_privileges import ROLES

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_no_role_enters_another_database(role, database):
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(os.environ[f"{role.removeprefix('vault_').upper()}_DATABASE_URL"], dbname=database)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("creation", ["lo_create(0)", "lo_creat(-1)", "lo_from_bytea(0, 'x')"])
def test_no_role_makes_a_large_object(role, creation):
    with connect(role) as database:
        assert isinstance(attempt(database, f"SELECT {creation}"), psycopg.errors.InsufficientPrivilege)
