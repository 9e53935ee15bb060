"""An auditor at every address of the management API and the data plane, and the auditors' database role: generated."""

import os
import re

import psycopg
import pytest

from tests.keyvault_api.test_access_matrix import ALL as DATA_PLANE
from tests.support.audit_api import Api
from tests.support.endpoints import endpoints
from vaultportal.database_privileges import AUDITOR, PRIVILEGES

pytestmark = pytest.mark.stack

UUID = "00000000-0000-0000-0000-000000000000"
SAMPLES = {"name": "demo-europe", "kind": "keys", "item": "k", "version": "0" * 32, "username": "nobody"}


def management():
    """(method, path) of every act of the management API that is not reading."""
    for method, address, *_ in endpoints():
        path = re.sub(r"<uuid:\w+>", UUID, address)
        path = re.sub(r"<(?:str|path):(\w+)>", lambda found: SAMPLES.get(found.group(1), "x"), path)
        if method != "get":
            yield method.upper(), path


@pytest.mark.parametrize(("method", "path"), list(management()))
def test_no_act_of_the_management_api_is_open_to_auditors(stack, method, path):
    answer = Api(stack).ask(path, base=f"{stack.portal_url}/", method=method)
    assert answer.status in {403, 404}, answer.data


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in DATA_PLANE])
def test_no_address_of_the_data_plane_knows_auditors(stack, method, path):
    auditor = Api(stack)
    answer = stack.http().request(
        method.upper(), f"{stack.vault_url}{path}?api-version=7.6", headers=auditor.headers, body=b"{}"
    )
    assert answer.status == 401


WRITES = {  # what the auditors' process adds or changes, beside sign-in's own tables
    "audit_event", "audit_datakey", "audit_incident", "usage_usecount", "usage_minutecount",
    "auditing_task", "auditing_review", "auditing_attestation", "identity_auditorsession",
}  # fmt: skip
SIGN_IN = {row.table for row in PRIVILEGES if row.auditor and row.auditor == row.web}


@pytest.fixture(scope="module")
def auditor():
    with psycopg.connect(os.environ["AUDITOR_DATABASE_URL"], autocommit=True) as connection:
        yield connection


def refused(connection, statement):
    try:
        connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return True
    except psycopg.Error:
        return False
    return False


@pytest.mark.parametrize("table", sorted({row.table for row in PRIVILEGES} - WRITES - SIGN_IN))
def test_the_database_role_writes_nowhere_else(auditor, table):
    assert refused(auditor, f"INSERT INTO {table} DEFAULT VALUES")
    assert refused(auditor, f"DELETE FROM {table} WHERE false")


@pytest.mark.parametrize("table", ["auditing_review", "auditing_attestation", "audit_event", "audit_incident"])
def test_what_was_signed_or_recorded_stays(auditor, table):
    columns = {"auditing_review": "note", "auditing_attestation": "note", "audit_event": "operation"}
    assert refused(auditor, f"UPDATE {table} SET {columns.get(table, 'sentence')} = 'x' WHERE false")
    assert refused(auditor, f"DELETE FROM {table} WHERE false")


@pytest.mark.parametrize(
    "secret",
    [
        "SELECT blob FROM worlds_protectedkey",
        "SELECT sealed FROM secrets_secretversion",
        "SELECT digest FROM identity_clientsecret",
        "SELECT 1 FROM keys_keyversion",
        "SELECT deleted FROM secrets_secret",
        "UPDATE identity_user SET duty = 'auditor' WHERE false",
        "UPDATE identity_user SET is_active = true WHERE false",
    ],
)
def test_the_database_role_sees_no_key_and_no_secret_and_makes_nobody(auditor, secret):
    assert refused(auditor, secret)


def test_the_role_is_the_auditors(auditor):
    assert auditor.execute("SELECT current_user").fetchone() == (AUDITOR,)
