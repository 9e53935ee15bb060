"""What a production vault holds comes into another vault with the approval of a second person only."""

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.certificates import CertificateClient, CertificatePolicy

from tests.support.management import vault_name

pytestmark = pytest.mark.stack


@pytest.fixture
def vaults(management):
    """The URLs of two vaults; the first becomes a production vault in the test."""
    return management.vault(), management.vault()


def guard(management, url):
    assert management.ask("PATCH", f"vaults/{vault_name(url)}", {"production": True}).status == 200


def approve(management, url):
    """Approve the only open request of the vault. Returns what it showed."""
    rows = [row for row in management.ask("GET", "approvals").json() if row["vault"] == vault_name(url)]
    assert len(rows) == 1
    shown = management.ask("GET", f"approvals/{rows[0]['id']}").json()
    answer = management.ask("POST", f"approvals/{rows[0]['id']}", {"approve": True, "note": "seen"})
    assert answer.status == 200, answer.data
    return shown


@pytest.mark.parametrize("guarded_first", [True, False], ids=["a production vault then", "a production vault since"])
def test_a_secret_waits_for_exactly_this_backup(management, secrets_of, vaults, guarded_first):
    source, target = vaults
    secrets_of(source).set_secret("password", "of production")
    secrets_of(source).set_secret("other", "of production")
    if guarded_first:
        guard(management, source)
    blob, other = secrets_of(source).backup_secret("password"), secrets_of(source).backup_secret("other")
    if not guarded_first:
        guard(management, source)
    with pytest.raises(HttpResponseError, match="needs approval") as refused:
        secrets_of(target).restore_secret_backup(blob)
    assert refused.value.status_code == 403
    shown = approve(management, target)
    (opened,) = [change["afterwards"] for change in shown["changes"] if change["what"] == "opens"]
    assert opened == f"secrets/password of {vault_name(source)} to everybody with a role in {vault_name(target)}"
    with pytest.raises(HttpResponseError, match="needs approval"):
        secrets_of(target).restore_secret_backup(other)
    secrets_of(target).restore_secret_backup(blob)
    assert secrets_of(target).get_secret("password").value == "of production"
    secrets_of(target).begin_delete_secret("password").wait()
    secrets_of(target).purge_deleted_secret("password")
    with pytest.raises(HttpResponseError, match="needs approval"):
        secrets_of(target).restore_secret_backup(blob)  # an approval is for one restore


def test_a_key_and_a_certificate_wait_too(management, keys_of, credential, vaults):
    source, target = vaults
    keys_of(source).create_ec_key("key", hardware_protected=True)
    certificates = {url: CertificateClient(url, credential) for url in vaults}
    policy = CertificatePolicy.get_default()
    certificates[source].begin_create_certificate("site", policy).result()
    guard(management, source)
    key, certificate = keys_of(source).backup_key("key"), certificates[source].backup_certificate("site")
    with pytest.raises(HttpResponseError, match="needs approval"):
        keys_of(target).restore_key_backup(key)
    approve(management, target)
    assert keys_of(target).restore_key_backup(key).name == "key"
    with pytest.raises(HttpResponseError, match="needs approval"):
        certificates[target].restore_certificate_backup(certificate)
    approve(management, target)
    assert certificates[target].restore_certificate_backup(certificate).name == "site"


def test_another_production_vault_is_another_vault(management, secrets_of, vaults):
    source, target = vaults
    secrets_of(source).set_secret("password", "of production")
    for url in vaults:
        guard(management, url)  # its roles are older than that, and one person gave them
    blob = secrets_of(source).backup_secret("password")
    with pytest.raises(HttpResponseError, match="needs approval"):
        secrets_of(target).restore_secret_backup(blob)
