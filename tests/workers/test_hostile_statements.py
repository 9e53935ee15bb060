"""A hostile web process that wants a statement with false values: it has the web's socket and database role only."""

import os
import socket
import uuid
from pathlib import Path

import msgspec
import psycopg
import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys import KeyClient
from cryptography.hazmat.primitives.asymmetric import ec

from apps.core.ids import uuid7
from apps.core.principals import RequestContext, Scheme
from apps.domain.hsm_client import protocol
from apps.domain.keys import keyverify
from tests.support.byok import jwk_of
from tests.support.management import vault_name
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def client(management, credential):
    """A vault of its own: an altered key leaves an incident in its log."""
    with KeyClient(management.vault(), credential) as client:
        yield client


@pytest.fixture(scope="module")
def vault(client):
    return vault_name(client.vault_url)


@pytest.fixture
def name(client):
    name = f"hostile-{os.urandom(4).hex()}"
    client.create_ec_key(name, hardware_protected=True)
    return name


@pytest.fixture
def ask(stack, vault):
    """(code of the error or "", answer) of the worker, asked as the web process does."""

    def ask(name, *, token=None, at=vault, version=""):
        credential = stack.token() if token is None else token
        context = RequestContext(request_id=uuid7(), scheme=Scheme.BEARER, credential=credential)
        (path, *_) = sorted((Path(os.environ["LANE_DIR"]) / "europe" / "web").glob("*.sock"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            connection.send(protocol.pack_request(protocol.AttestKey(0.0, context, at, name, version)))
            code, value, *_ = msgspec.msgpack.decode(connection.recv(200_000))
        return code, value

    return ask


def test_no_statement_is_made_without_a_live_caller_who_may_read_the_key(ask, stack, name):
    assert ask(name, token="")[0] == "TokenRefused"
    assert ask(name, token=stack.token(stranger=True))[0] == "NotAuthorised"
    assert ask("token-authority")[0] == "KeyNotFound"
    assert ask("statement-signer")[0] == "KeyNotFound"
    assert ask("vault-key")[0] == "KeyNotFound"
    assert ask(name, version=uuid.uuid4().hex)[0] == "KeyNotFound"
    code, (found, _version, statement, chain) = ask(name)
    assert (code, found) == ("", name)
    root = keyverify.read_root(str(_authority()))
    assert keyverify.verify(statement, chain, root=root)["key"]["name"] == name


def _authority():
    return Path(os.environ["TEST_STATE_DIR"]) / "ceremonies" / "europe" / "statement-authority-europe.pem"


VERSION = "keys_keyversion SET {} WHERE key_id = (SELECT id FROM keys_key WHERE name = %(name)s)"
STORED = """worlds_protectedkey SET {} WHERE id IN (SELECT v.protected_id FROM keys_keyversion v
            JOIN keys_key k ON k.id = v.key_id WHERE k.name = %(name)s)"""
KEY = "keys_key SET {} WHERE folded_name = %(name)s"
FALSE = [
    (KEY, "name = 'another-key'", "name = folded_name"),
    (STORED, "origin = 'imported'", "origin = 'generated'"),
    (STORED, "origin = ''", "origin = 'generated'"),
    (STORED, "restored = true", "restored = false"),
    (VERSION, """operations = '["sign"]'""", """operations = '["sign", "verify"]'"""),
    (VERSION, "exportable = true", "exportable = false"),
    (VERSION, "parameter = 'P-384'", "parameter = 'P-256'"),
]


@pytest.mark.parametrize(("statement", "false", "true"), FALSE, ids=[false for _, false, _ in FALSE])
def test_rows_that_say_something_else_than_the_hsm_bound_give_no_statement(ask, owner, name, statement, false, true):
    """Even the owner of the tables cannot have it: what a statement says of a key is under the world's HMAC."""
    owner.execute(f"UPDATE {statement.format(false)}", {"name": name})
    try:
        assert ask(name)[0] == "ProtectedKeyAltered"
    finally:
        owner.execute(f"UPDATE {statement.format(true)}", {"name": name})
        owner.execute("DELETE FROM audit_incident WHERE problem = 'altered-key'")
    assert ask(name)[0] == ""


def test_the_web_process_cannot_change_an_origin_or_a_statement_key():
    with psycopg.connect(os.environ["WEB_DATABASE_URL"]) as connection:
        for statement in (
            "UPDATE worlds_protectedkey SET origin = 'generated'",
            "UPDATE worlds_protectedkey SET restored = false",
            "INSERT INTO worlds_statementkey (id) VALUES (gen_random_uuid())",
            "UPDATE worlds_statementkey SET certificate = ''",
            "DELETE FROM worlds_statementkey",
            "SELECT protected_id FROM worlds_statementkey",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
            connection.rollback()


def test_an_imported_key_that_the_web_stores_as_generated_gives_no_statement(ask, client, owner):
    """What the worker bound as imported cannot be stored as anything else and still be used."""
    name = f"hostile-{os.urandom(4).hex()}"
    client.import_key(name, jwk_of(ec.generate_private_key(ec.SECP256R1()), hardware=True))
    assert ask(name)[0] == ""
    owner.execute(f"UPDATE {STORED.format('origin = %(origin)s')}", {"name": name, "origin": "generated"})
    try:
        assert ask(name)[0] == "ProtectedKeyAltered"
    finally:
        owner.execute("DELETE FROM audit_incident WHERE problem = 'altered-key'")


def test_a_statement_key_that_was_exchanged_makes_no_statement(ask, owner, name):
    """The certificate of another key: the worker verifies what it has signed before it answers."""
    rows = owner.execute(
        """SELECT s.role, s.id, s.certificate FROM worlds_statementkey s JOIN worlds_securityworld w
           ON w.id = s.world_id WHERE w.name = 'europe' ORDER BY s.created"""
    ).fetchall()
    newest = {role: (pk, certificate) for role, pk, certificate in rows}
    signer, certificate = newest["signer"]
    owner.execute("UPDATE worlds_statementkey SET certificate = %s WHERE id = %s", [newest["authority"][1], signer])
    try:
        assert ask(name)[0] == "StatementRefused"
    finally:
        owner.execute("UPDATE worlds_statementkey SET certificate = %s WHERE id = %s", [certificate, signer])
    assert ask(name)[0] == ""


def test_a_caller_gets_an_error_and_no_statement_of_an_altered_key(client, owner, name):
    owner.execute(f"UPDATE {STORED.format(FALSE[1][1])}", {"name": name})
    try:
        with pytest.raises(HttpResponseError) as refused:
            client.get_key_attestation(name, retry_total=0)
        assert refused.value.status_code == 500
    finally:
        owner.execute(f"UPDATE {STORED.format(FALSE[1][2])}", {"name": name})
        owner.execute("DELETE FROM audit_incident WHERE problem = 'altered-key'")
    wait_until(lambda: client.get_key_attestation(name).properties.attestation is not None, seconds=5)
