"""What was in a purged vault is removed by the scheduler, under its own database role, with a record for each object."""

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.certificates import CertificateClient, CertificateContact, CertificatePolicy

from apps.audit_log.sealing import tag_of
from tests.lifecycle.conftest import SWEEP
from tests.support import records
from tests.support.management import vault_name
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack
COUNT = "SELECT count(*) FROM {} WHERE vault_id = %s"
TABLES = (
    *("keys_key", "secrets_secret", "certificates_certificate"),
    *("certificates_issuer", "certificates_contacts", "worlds_protectedkey"),
)


def test_the_scheduler_removes_what_was_in_a_purged_vault(
    stack, management, keys_of, secrets_of, as_scheduler, owner, name
):
    url = management.vault()
    vault = vault_name(url)
    (vault_id,) = owner.execute("SELECT id FROM vaults_vault WHERE name = %s", [vault]).fetchone()
    keys_of(url).create_ec_key(f"{name}-live")
    keys_of(url).create_ec_key(f"{name}-deleted")
    keys_of(url).begin_delete_key(f"{name}-deleted").wait()
    secrets_of(url).set_secret("password", "value")
    certificates = stack.sdk(CertificateClient, url)
    certificates.create_issuer("own", "VaultPortal")
    certificates.set_contacts([CertificateContact(email="a@example.com")])
    certificates.begin_create_certificate("site", CertificatePolicy("own", subject="CN=example.com")).result()

    assert management.ask("DELETE", f"vaults/{vault}").status == 200
    wait_until(lambda: status_of(secrets_of(url)) == 404, "the data plane without the vault")
    as_scheduler(SWEEP)
    assert count(owner, "keys_key", vault_id) == 3  # recoverable: nothing is removed
    assert management.ask("DELETE", f"deleted-vaults/{vault}").status == 204
    assert management.ask("POST", f"deleted-vaults/{vault}/recover").status == 404
    as_scheduler(SWEEP)
    assert {table: count(owner, table, vault_id) for table in TABLES} == {
        **dict.fromkeys(TABLES, 0),
        "worlds_protectedkey": 1,  # the vault's own, with which its log's destination is sealed
    }
    for key in (f"{name}-live", f"{name}-deleted"):
        condition = "operation = 'KeyPurge' AND object = %s AND phase = 'outcome' AND status = 200"
        assert len(records.running(condition, [tag_of("object", f"keys/{key}")])) == 1
    made = management.ask("POST", "vaults", {"name": vault, "world": "europe"})
    assert made.status == 201, made.data  # the name is free, and the new vault is empty
    assert management.ask("GET", f"vaults/{vault}/objects/keys").json() == []


def count(owner, table, vault_id):
    return owner.execute(COUNT.format(table), [vault_id]).fetchone()[0]


def status_of(secrets):
    try:
        secrets.get_secret("password")
    except HttpResponseError as error:
        return error.status_code
    return 200
