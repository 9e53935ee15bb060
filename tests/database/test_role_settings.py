"""What a database role changes of itself, its password and its settings, ends with the next start."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from apps.launcher import postgres
from apps.launcher.account import choose_account
from apps.launcher.state import StateDirectory

pytestmark = pytest.mark.stack

_SETTINGS = "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = 'vault_retention'::regrole"


@pytest.fixture
def state():
    return StateDirectory(Path(os.environ["TEST_STATE_DIR"]), choose_account())


def connect(password, *, state):
    url = urlsplit(os.environ["DATABASE_URL"])
    options = {"dbname": url.path[1:], "host": str(state.sockets), "user": "vault_retention", "password": password}
    return psycopg.connect(**options, autocommit=True)


def test_the_next_start_resets_what_a_role_set_for_itself(stack, state):
    password = state.secret("database-vault_retention")
    with connect(password, state=state) as connection:
        connection.execute("ALTER ROLE vault_retention PASSWORD 'its own'")
        connection.execute("ALTER ROLE vault_retention SET application_name = 'everywhere'")
        connection.execute("ALTER ROLE vault_retention IN DATABASE vaultportal SET application_name = 'here'")
    postgres.create_roles(state)
    with connect(password, state=state) as connection:
        assert connection.execute(_SETTINGS).fetchall() == []
    with pytest.raises(psycopg.OperationalError, match="password"):
        connect("its own", state=state)


@pytest.mark.parametrize("value", ["-1", "2GB"])
def test_no_role_raises_the_limit_of_temporary_files(stack, state, value):
    with connect(state.secret("database-vault_retention"), state=state) as connection:
        assert connection.execute("SHOW temp_file_limit").fetchone() == ("1GB",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SET temp_file_limit = '{value}'")
