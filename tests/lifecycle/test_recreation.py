"""Creating what is deleted, with the official SDKs: Azure's 409, or the object again with one version more."""

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.keyvault.certificates import CertificateClient, CertificatePolicy
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.byok import jwk_of
from tests.support.management import vault_name

pytestmark = pytest.mark.stack
POLICY = CertificatePolicy("Self", subject="CN=x", key_type="EC", key_curve_name="P-256", exportable=True)


def test_the_vault_decides_about_the_name_of_a_deleted_object(management, credential, keys_of, secrets_of):
    url = management.vault()
    keys, secrets, certificates = keys_of(url), secrets_of(url), CertificateClient(url, credential)
    keys.create_ec_key("key", hardware_protected=True)
    secrets.set_secret("secret", "first")
    certificates.begin_create_certificate("certificate", POLICY).result()
    for poller in (
        keys.begin_delete_key("key"),
        secrets.begin_delete_secret("secret"),
        certificates.begin_delete_certificate("certificate"),
    ):
        poller.wait()
    creations = {
        "key": lambda: keys.create_ec_key("key", hardware_protected=True),
        "secret": lambda: secrets.set_secret("secret", "second"),
        "certificate": lambda: certificates.begin_create_certificate("certificate", POLICY).result(),
    }
    for kind, create in creations.items():
        with pytest.raises(ResourceExistsError, match=f"deleted by demo-application on .*portal {kind} recover") as no:
            create()
        assert no.value.error.code == "Conflict"
        assert no.value.error.innererror["code"] == "ObjectIsDeletedButRecoverable"
    changed = management.ask("PATCH", f"vaults/{vault_name(url)}", {"on_conflict": "recover"})
    assert (changed.status, changed.json()["on_conflict"]) == (200, "recover")
    for create in creations.values():
        create()
    assert len(list(keys.list_properties_of_key_versions("key"))) == 2
    assert len(list(secrets.list_properties_of_secret_versions("secret"))) == 2
    assert secrets.get_secret("secret").value == "second"
    assert len(list(certificates.list_properties_of_certificate_versions("certificate"))) == 2
    keys.begin_delete_key("key").wait()
    keys.import_key("key", jwk_of(ec.generate_private_key(ec.SECP256R1())))
    assert len(list(keys.list_properties_of_key_versions("key"))) == 3


def test_the_recycle_bin_names_who_deleted(management, keys_of):
    url = management.vault()
    keys_of(url).create_ec_key("key")
    keys_of(url).begin_delete_key("key").wait()
    rows = management.ask("GET", "recycle-bin").json()
    (row,) = [row for row in rows if row["vault"] == vault_name(url)]
    assert row["deleted_by"] == "demo-application"
