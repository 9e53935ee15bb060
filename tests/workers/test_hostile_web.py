"""A hostile web process: it has the web's socket and database role, and no caller's credential."""

import json
import os
import time
import uuid

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apps.audit_log.operation_names import Operation
from apps.core.ids import uuid7
from tests.support.audit_rows import record
from vaultportal.database_privileges import HSM, ROLES

pytestmark = pytest.mark.stack

DENIED = "InsufficientPrivilege"


@pytest.fixture(scope="module")
def tried():
    """Run a statement as a role and undo it: the name of the error, or None."""
    connections = {
        role: psycopg.connect(os.environ[f"{role.removeprefix('vault_').upper()}_DATABASE_URL"]) for role in ROLES
    }

    def run(role, statement, parameters=()):
        try:
            connections[role].execute(statement, parameters)
        except psycopg.Error as error:
            return type(error).__name__
        finally:
            connections[role].rollback()
        return None

    yield run
    for connection in connections.values():
        connection.close()


def use(operation, *, phase="outcome", status=200):
    """A statement that inserts the false record of a use, and its parameters."""
    return record(operation=operation, phase=phase, status=status)


USES = [
    Operation.KEY_SIGN,
    Operation.KEY_DECRYPT,
    Operation.KEY_UNWRAP,
    Operation.KEY_RELEASE,
    Operation.KEY_GET_ATTESTATION,
    Operation.SECRET_GET,
    Operation.SECRET_REVEAL,
    Operation.AUTHENTICATION,
]


@pytest.mark.parametrize("operation", USES)
def test_no_role_but_the_workers_records_an_allowed_use(tried, operation):
    can = {role for role in ROLES if tried(role, *use(operation)) is None}
    assert can == {HSM}


def test_the_web_records_its_own_changes_and_denials(tried):
    assert tried("vault_web", *use(Operation.KEY_GET)) is None
    assert tried("vault_web", *use(Operation.KEY_SIGN, phase="denial", status=403)) is None
    assert tried("vault_web", *use(Operation.KEY_SIGN, phase="denial", status=200)) is None


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM audit_event LIMIT 1",
        "SELECT * FROM audit_datakey LIMIT 1",
        "UPDATE audit_event SET status = 200",
        "DELETE FROM audit_event",
        "SELECT sealed FROM delivery_logdestination LIMIT 1",
    ],
)
def test_the_web_does_not_read_or_change_the_log(tried, statement):
    assert tried("vault_web", statement) == DENIED


ORGANISATION = uuid.UUID(int=0)  # the log of what is in no vault


@pytest.fixture
def no_incident(owner):
    """The organisation's log without an incident of an altered key, before and after the test."""
    statement = "DELETE FROM audit_incident WHERE log_id = %s AND problem = 'altered-key'"
    owner.execute(statement, [ORGANISATION])
    yield
    owner.execute(statement, [ORGANISATION])


@pytest.fixture
def signature(stack):
    """The answer to a signature with a new key under a token."""
    name, http = f"hostile-{os.urandom(4).hex()}", stack.http()
    url, body = f"{stack.vault_url}/keys/{name}", json.dumps({"alg": "ES256", "value": "A" * 43}).encode()

    def post(path, token, body):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return http.request("POST", f"{url}/{path}?api-version=7.4", body=body, headers=headers)

    assert post("create", stack.token(), b'{"kty": "EC-HSM"}').status == 200
    return lambda token: post("sign", token, body)


@pytest.fixture
def forged(stack, owner):
    """A token under a key of one's own, whose public half was inserted into the database."""
    claims = jwt.decode(stack.token(), options={"verify_signature": False})
    own = ec.generate_private_key(ec.SECP256R1())
    spki = own.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    key_id, protected_id = uuid7(), uuid7()
    owner.execute(
        """INSERT INTO worlds_protectedkey (id, world_id, generation, custody, name, version, key_type, parameter,
               operations, exportable, public_key, blob, mac)
           SELECT %s, world_id, generation, custody, name, md5(random()::text), key_type, parameter, operations,
               exportable, %s, blob, mac FROM worlds_protectedkey WHERE name = 'token-authority' LIMIT 1""",
        [protected_id, spki],
    )
    # Older than the genuine key, so that the authority goes on signing with that one.
    owner.execute(
        """INSERT INTO identity_signingkey (id, protected_id, world_name, created)
           SELECT %s, %s, world_name, created - interval '1 day' FROM identity_signingkey LIMIT 1""",
        [key_id, protected_id],
    )
    time.sleep(1.1)  # the web process reads its keys again
    yield jwt.encode(claims, own, algorithm="ES256", headers={"kid": key_id.hex})
    owner.execute("DELETE FROM identity_signingkey WHERE id = %s", [key_id])
    owner.execute("DELETE FROM worlds_protectedkey WHERE id = %s", [protected_id])


def incidents(owner):
    rows = "SELECT sentence FROM audit_incident WHERE log_id = %s AND problem = 'altered-key'"
    return [sentence for (sentence,) in owner.execute(rows, [ORGANISATION])]


def records_of_altered_keys(owner):
    """The number of records by the id of the refused request. A health check lets the other world ask for a key, too."""
    found = owner.execute(
        "SELECT request_id, count(*) FROM audit_event WHERE log_id = %s AND operation = %s GROUP BY request_id",
        [ORGANISATION, Operation.STORED_KEY_ALTERED],
    )
    return dict(found.fetchall())


@pytest.mark.usefixtures("no_incident")
def test_a_signing_key_that_was_inserted_verifies_no_token_and_is_an_incident(stack, owner, signature, forged):
    """The row passes the web's own check; the worker wants the binding of its world."""
    refused = [signature(forged) for _ in range(2)]
    assert [answer.status for answer in refused] == [500, 500]
    records = records_of_altered_keys(owner)
    assert [records[uuid.UUID(answer.headers["x-ms-request-id"])] for answer in refused] == [1, 1]
    assert len(incidents(owner)) == 1
    assert "It was not used." in incidents(owner)[0]
    assert signature(stack.token()).status == 200


@pytest.mark.usefixtures("no_incident")
def test_a_signing_key_that_was_altered_issues_no_token_and_is_an_incident(stack, owner):
    pk, mac = owner.execute(
        """SELECT p.id, p.mac FROM identity_signingkey s JOIN worlds_protectedkey p ON p.id = s.protected_id
           WHERE s.retired IS NULL ORDER BY s.created DESC LIMIT 1"""
    ).fetchone()
    before = records_of_altered_keys(owner)
    owner.execute("UPDATE worlds_protectedkey SET mac = %s WHERE id = %s", [bytes(len(mac)), pk])
    try:
        time.sleep(1.1)  # the worker reads the key again
        with pytest.raises(AssertionError):
            stack.token()
        refused = records_of_altered_keys(owner).items() - before.items()
        assert {count for _, count in refused} == {1}, "one record for each refused request"
        assert len(incidents(owner)) == 1
    finally:
        owner.execute("UPDATE worlds_protectedkey SET mac = %s WHERE id = %s", [mac, pk])
    time.sleep(1.1)
    assert stack.token()
