"""Each database role of the running system, tried: what it may do, and above all what not."""

import os

import psycopg
import pytest

from vaultportal.database_privileges import AUDIT, AUDITOR, DELIVERY, HSM, JOBS, RETENTION, ROLES, WEB, statements

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def as_role():
    """Run a statement as a role, and take it back; the error's class name, or None."""
    urls = {role: os.environ[f"{role.removeprefix('vault_').upper()}_DATABASE_URL"] for role in ROLES}
    urls["vault_owner"] = os.environ["DATABASE_URL"]
    connections = {role: psycopg.connect(url) for role, url in urls.items()}

    def run(role, statement):
        try:
            connections[role].execute(statement)
        except psycopg.Error as error:
            return type(error).__name__
        finally:
            connections[role].rollback()
        return None

    yield run
    for connection in connections.values():
        connection.close()


@pytest.fixture(scope="module", autouse=True)
def _a_live_key(stack):
    """There is something that must not be removed."""
    from azure.keyvault.keys import KeyClient

    stack.sdk(KeyClient).create_ec_key("kept-by-privileges")


DENIED = "InsufficientPrivilege"


READERS = {AUDITOR, AUDIT, DELIVERY}


@pytest.mark.parametrize("table", ["audit_event", "audit_datakey"])
def test_only_auditors_their_worker_and_delivery_read_the_log(as_role, table):
    can = {role for role in ROLES if as_role(role, f"SELECT * FROM {table} LIMIT 1") is None}
    assert can == READERS


def test_bodies_are_forgotten_by_the_retention_role_alone(as_role):
    act = "SELECT audit_forget('00000000-0000-0000-0000-000000000000')"
    assert {role: as_role(role, act) for role in ROLES} == {
        role: None if role == RETENTION else DENIED for role in ROLES
    }


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET caller = 1",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "DROP TABLE audit_event",
        "CREATE TABLE own (id int)",
        "DELETE FROM keys_keyversion WHERE key_id IN (SELECT id FROM keys_key WHERE deleted IS NULL)",
        "DELETE FROM keys_key WHERE deleted IS NULL",
        "UPDATE worlds_worldgeneration SET number = 9",
        "UPDATE worlds_protectedkey SET vault_id = NULL",
    ],
)
def test_nobody_who_serves_changes_what_must_stay(as_role, role, statement):
    assert as_role(role, statement) == DENIED


@pytest.mark.parametrize("role", [AUDITOR, AUDIT, DELIVERY, RETENTION])
@pytest.mark.parametrize("table", ["keys_keyversion", "secrets_secretversion", "identity_clientsecret", "jobs_job"])
def test_who_reads_the_log_reads_no_secret_and_no_key(as_role, role, table):
    assert as_role(role, f"SELECT 1 FROM {table} LIMIT 1") == DENIED


@pytest.mark.parametrize("role", [AUDITOR, DELIVERY, RETENTION])
def test_auditors_do_not_hold_what_they_check(as_role, role):
    assert as_role(role, "SELECT blob FROM worlds_protectedkey LIMIT 1") == DENIED
    for table in ("audit_leaf", "audit_checkpoint", "audit_log", "audit_tile"):
        assert as_role(role, f"DELETE FROM {table}") == DENIED


@pytest.mark.parametrize("role", [WEB, JOBS])
def test_a_key_that_is_used_is_not_removed(as_role, role):
    used = "DELETE FROM worlds_protectedkey WHERE id IN (SELECT protected_id FROM keys_keyversion LIMIT 1)"
    assert as_role(role, f"SET CONSTRAINTS ALL IMMEDIATE; {used}") == "ForeignKeyViolation"


def test_the_job_worker_sees_no_key_and_no_secret(as_role):
    for table in ("identity_clientsecret", "identity_user"):
        assert as_role(JOBS, f"SELECT 1 FROM {table} LIMIT 1") == DENIED
    assert as_role(JOBS, "SELECT blob FROM worlds_protectedkey LIMIT 1") == DENIED
    assert as_role(JOBS, "SELECT sealed FROM secrets_secretversion LIMIT 1") == DENIED
    assert as_role(JOBS, "SELECT 1 FROM jobs_job LIMIT 1") is None


def test_the_hsm_worker_reads_who_may_and_changes_nothing_of_it(as_role):
    for table in ("guardian_userobjectpermission", "guardian_groupobjectpermission", "identity_clientsecret"):
        assert as_role(HSM, f"SELECT 1 FROM {table} LIMIT 1") is None
        assert as_role(HSM, f"DELETE FROM {table}") == DENIED
    for column in ("password", "email"):
        assert as_role(HSM, f"SELECT {column} FROM identity_user LIMIT 1") == DENIED
    for table in ("django_session", "usersessions_usersession", "identity_managementtoken"):
        assert as_role(HSM, f"SELECT * FROM {table} LIMIT 1") == DENIED
    assert as_role(HSM, "UPDATE identity_user SET is_active = true") == DENIED
    assert as_role(HSM, "UPDATE keys_keyversion SET enabled = true") == DENIED


def test_the_owner_cannot_change_a_record_by_accident(as_role):
    assert as_role("vault_owner", "SELECT 1 / count(*) FROM audit_event") is None, "there are records"
    for statement in (
        "UPDATE audit_event SET caller = 1",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
    ):
        assert as_role("vault_owner", statement) == DENIED


def test_no_process_has_written_a_change_without_its_record(owner):
    """On this system other tests use all of them; some write by SQL, as the owner of the tables."""
    query = "SELECT relation, act, role FROM auditing_unrecordedchange WHERE role <> 'vault_owner'"
    assert owner.execute(query).fetchall() == []


def test_a_table_that_is_not_in_the_list_stops_the_command():
    with pytest.raises(LookupError, match="new_table"):
        statements(["new_table"])


def test_the_scheduler_disables_versions_and_enables_none(as_role):
    disable, enable = (f"UPDATE keys_keyversion SET enabled = {value}" for value in ("false", "true"))
    assert as_role(JOBS, disable) is None
    assert as_role(JOBS, f"{disable}; {enable}") == DENIED
    assert as_role(WEB, f"{disable}; {enable}") is None
