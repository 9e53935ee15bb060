"""Four eyes, from the data plane and the management API; the portal's own path is in tests/console/test_tasks."""

import os

import psycopg
import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.certificates import CertificateClient
from azure.keyvault.keys import KeyClient
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.support.byok import jwk_of
from tests.support.management import vault_name
from tests.support.self_signed import self_signed

pytestmark = pytest.mark.stack


@pytest.fixture
def guarded(management, stack):
    """A production vault: made as a test vault, given its role, then marked."""
    url = management.vault()
    name = vault_name(url)
    assert management.ask("PATCH", f"vaults/{name}", {"production": True}).status == 200
    return name, stack.sdk(KeyClient, url)


def open_request(management, name):
    rows = [row for row in management.ask("GET", "approvals").json() if row["vault"] == name]
    assert len(rows) == 1
    return rows[0]


def approve(management, name):
    request = open_request(management, name)
    answer = management.ask("POST", f"approvals/{request['id']}", {"approve": True, "note": "seen"})
    assert answer.status == 200, answer.data
    assert answer.json()["state"] == "approved"


def test_an_sdk_purge_waits_and_then_succeeds_once(management, guarded):
    name, client = guarded
    client.create_ec_key("precious")
    client.begin_delete_key("precious").wait()
    with pytest.raises(HttpResponseError) as refused:
        client.purge_deleted_key("precious")
    assert refused.value.status_code == 403
    request = open_request(management, name)
    assert request["id"] in refused.value.message
    assert "security operations" in refused.value.message
    with pytest.raises(HttpResponseError):
        client.purge_deleted_key("precious")  # still the same request
    approve(management, name)
    client.purge_deleted_key("precious")
    client.create_ec_key("precious")
    client.begin_delete_key("precious").wait()
    with pytest.raises(HttpResponseError):
        client.purge_deleted_key("precious")  # an approval is for one act


def test_an_import_waits_for_exactly_this_key(management, guarded):
    name, client = guarded
    one, other = jwk(), jwk()
    with pytest.raises(HttpResponseError, match="needs approval"):
        client.import_key("brought", one)
    approve(management, name)
    with pytest.raises(HttpResponseError, match="needs approval"):
        client.import_key("brought", other)
    assert client.import_key("brought", one).name == "brought"


def test_restoring_a_key_is_an_import(management, guarded):
    name, client = guarded
    client.create_ec_key("kept")
    blob = client.backup_key("kept")
    client.begin_delete_key("kept").wait()
    with pytest.raises(HttpResponseError, match="needs approval"):
        client.purge_deleted_key("kept")
    approve(management, name)
    client.purge_deleted_key("kept")
    with pytest.raises(HttpResponseError, match="needs approval"):
        client.restore_key_backup(blob)
    shown = management.ask("GET", f"approvals/{open_request(management, name)['id']}").json()
    assert f"from a backup of vault: {name}" in shown["changes"][0]["afterwards"]
    approve(management, name)
    assert client.restore_key_backup(blob).name == "kept"


def test_a_certificate_brings_a_key_too(management, guarded, stack):
    name, client = guarded
    certificates = stack.sdk(CertificateClient, client.vault_url)
    pfx, other = certificate(), certificate()
    with pytest.raises(HttpResponseError, match="needs approval"):
        certificates.import_certificate("site", pfx)
    approve(management, name)
    with pytest.raises(HttpResponseError, match="needs approval"):
        certificates.import_certificate("site", other)
    assert certificates.import_certificate("site", pfx).name == "site"


def test_role_grants_and_weaker_settings_wait_for_somebody_else(management, guarded):
    name, _ = guarded
    role = {"application": "demo-stranger", "role": "key-vault-crypto-user"}
    refused = management.ask("POST", f"vaults/{name}/role-assignments", role)
    assert refused.status == 403
    request = open_request(management, name)
    own = management.ask("POST", f"approvals/{request['id']}", {"approve": True})
    assert own.status == 403
    assert "You requested this" in own.data.decode()
    for change in ({"production": False}, {"recoverable_days": 30}):
        assert management.ask("PATCH", f"vaults/{name}", change).status == 403
    assert management.ask("DELETE", f"vaults/{name}/role-assignments", role).status == 204  # less needs nobody
    assert management.ask("PATCH", f"vaults/{name}", {"purge_protection": True}).status == 200  # nor does stronger


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("applications/demo-application/secrets", {}),
        ("applications/demo-application/federated", {"issuer": "https://issuer.example.org", "subject": "x"}),
        ("applications/demo-application/switch", {"enabled": True}),
        ("invitations", {"duty": "security-operations", "username": "second-self"}),
    ],
)
def test_what_opens_a_production_vault_waits_for_somebody_else(management, guarded, path, body):
    name, _ = guarded
    refused = management.ask("POST", path, body)
    assert refused.status == 403, refused.data
    assert "needs approval" in refused.data.decode()
    (request,) = [row for row in management.ask("GET", "approvals").json() if row["id"] in refused.data.decode()]
    assert request["vault"] == ""
    shown = management.ask("GET", f"approvals/{request['id']}").json()
    opens = [change["afterwards"] for change in shown["changes"] if change["what"] == "opens"]
    assert f"Key Vault Administrator at the whole vault of {name}" in opens or path == "invitations"
    assert opens
    assert management.ask("POST", f"approvals/{request['id']}", {"approve": True}).status == 403


def test_security_operations_invite_no_auditor(management):
    """Who reads the log is decided on the machine, not by those whose acts are in it."""
    refused = management.ask("POST", "invitations", {"duty": "auditor"})
    assert refused.status == 403
    assert "manage invite --duty auditor" in refused.data.decode()


def test_a_test_vault_stays_immediate(management, stack):
    client = stack.sdk(KeyClient, management.vault())
    client.import_key("brought", jwk())
    client.begin_delete_key("brought").wait()
    client.purge_deleted_key("brought")


def test_a_rejected_request_opens_nothing(management, guarded):
    name, client = guarded
    with pytest.raises(HttpResponseError):
        client.import_key("brought", jwk())
    request = open_request(management, name)
    answer = management.ask("POST", f"approvals/{request['id']}", {"approve": False})
    assert answer.json()["state"] == "rejected"
    again = management.ask("POST", f"approvals/{request['id']}", {"approve": True})
    assert again.status == 409


def test_the_database_refuses_a_requester_who_decides(owner, management, guarded):
    name, client = guarded
    with pytest.raises(HttpResponseError):
        client.import_key("brought", jwk())
    request = open_request(management, name)
    statement = (
        "UPDATE approvals_approvalrequest SET state='approved', decided=now(), decider_id=requester_id WHERE id=%s"
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        owner.execute(statement, [request["id"]])
    nobody = "UPDATE approvals_approvalrequest SET state='approved' WHERE id=%s"
    with pytest.raises(psycopg.errors.CheckViolation):
        owner.execute(nobody, [request["id"]])


def test_the_web_cannot_rewrite_what_was_asked_for():
    with psycopg.connect(os.environ["WEB_DATABASE_URL"]) as web, pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute("UPDATE approvals_approvalrequest SET requester_id = gen_random_uuid()")


def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    return pkcs12.serialize_key_and_certificates(b"site", key, self_signed(key), None, serialization.NoEncryption())


def jwk():
    return jwk_of(ec.generate_private_key(ec.SECP256R1()))
