"""CertificateClient, sync: every public method, with the challenge check on."""

import base64
import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.keyvault.certificates import (
    AdministratorContact,
    CertificateClient,
    CertificateContact,
    CertificateContentType,
    CertificatePolicy,
    LifetimeAction,
)
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from tests.support.certificates import created, leaf, own_policy
from tests.support.sdk import refused

pytestmark = pytest.mark.stack


def test_a_self_signed_certificate_has_its_key_and_secret(certificates, keys, secrets, credential, name):
    policy = CertificatePolicy("Self", subject="CN=payroll.example, O=Payroll", san_dns_names=["payroll.example"])
    made = created(certificates, name, policy, tags={"team": "pay"})
    assert made.name == name
    version = made.properties.version
    assert made.key_id.endswith(f"/keys/{name}/{version}")
    assert made.secret_id.endswith(f"/secrets/{name}/{version}")
    found = leaf(made)
    assert bytes(made.properties.x509_thumbprint) == found.fingerprint(hashes.SHA1())
    assert found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "payroll.example"
    found.verify_directly_issued_by(found)
    assert made.properties.tags == {"team": "pay"}
    assert made.properties.expires_on == found.not_valid_after_utc
    assert abs(made.properties.not_before - datetime.now(UTC) + timedelta(minutes=10)) < timedelta(minutes=1)
    shown = made.policy
    assert (shown.key_type, shown.key_size, shown.exportable, shown.reuse_key) == ("RSA", 2048, True, False)
    assert (shown.content_type, shown.validity_in_months) == ("application/x-pkcs12", 12)
    assert (shown.lifetime_actions[0].action, shown.lifetime_actions[0].lifetime_percentage) == ("AutoRenew", 80)
    assert set(shown.key_usage) == {"digitalSignature", "keyEncipherment"}
    key = keys.get_key(name)
    assert (key.id, key.properties.managed) == (made.key_id, True)
    assert set(key.key_operations) == {"sign", "verify", "wrapKey", "unwrapKey"}
    signature = CryptographyClient(key, credential).sign(SignatureAlgorithm.rs256, bytes(32)).signature
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    found.public_key().verify(signature, bytes(32), padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    secret = secrets.get_secret(name)
    assert (secret.id, secret.properties.content_type) == (made.secret_id, "application/x-pkcs12")
    assert secret.properties.key_id.endswith(f"/keys/{name}/{version}")
    private, inside, _ = pkcs12.load_key_and_certificates(base64.b64decode(secret.value), None)
    assert inside == found
    assert private.public_key() == found.public_key()


def test_what_belongs_to_a_certificate_is_changed_through_it_only(certificates, keys, secrets, name):
    created(certificates, name)
    refused(403, keys.begin_delete_key, name)
    refused(403, keys.update_key_properties, name, enabled=False)
    refused(403, keys.rotate_key, name)
    refused(403, keys.create_ec_key, name)
    refused(403, secrets.set_secret, name, "x")
    refused(403, secrets.begin_delete_secret, name)
    refused(403, secrets.update_secret_properties, name, enabled=False)


@pytest.mark.parametrize("kind", ["key", "secret"])
def test_a_name_that_a_plain_key_or_secret_has_is_taken(certificates, keys, secrets, name, kind):
    keys.create_ec_key(name) if kind == "key" else secrets.set_secret(name, "v")
    with pytest.raises(ResourceExistsError):
        created(certificates, name)


@pytest.mark.parametrize("key_type", ["RSA-HSM", "EC-HSM"])
def test_a_certificate_in_the_hsm_signs_and_its_key_does_not_leave(
    certificates, keys, secrets, credential, name, key_type
):
    curve = {"key_curve_name": "P-384"} if key_type == "EC-HSM" else {"key_size": 3072, "key_curve_name": None}
    made = created(certificates, name, own_policy(key_type=key_type, exportable=False, **curve))
    found = leaf(made)
    found.verify_directly_issued_by(found)
    assert keys.get_key(name).key_type == key_type
    private, first, others = pkcs12.load_key_and_certificates(base64.b64decode(secrets.get_secret(name).value), None)
    assert private is None
    assert [one for one in (first, *others) if one is not None] == [found]
    refused(400, created, certificates, f"{name}-x", own_policy(key_type=key_type, exportable=True, **curve))


def test_pem_and_conversion(certificates, secrets, name):
    created(certificates, name, own_policy(content_type=CertificateContentType.pem))
    text = secrets.get_secret(name).value
    assert text.startswith("-----BEGIN PRIVATE KEY-----")
    assert text.count("-----BEGIN CERTIFICATE-----") == 1
    created(certificates, f"{name}-p12")
    converted = secrets.get_secret(f"{name}-p12", out_content_type="application/x-pem-file")
    assert converted.properties.content_type == "application/x-pem-file"
    assert converted.value.startswith("-----BEGIN PRIVATE KEY-----")
    secrets.set_secret(f"{name}-plain", "value")
    assert secrets.get_secret(f"{name}-plain", out_content_type="application/x-pem-file").value == "value"


@pytest.mark.parametrize(
    "names",
    [
        {"san_ip_addresses": ["10.0.0.1", "::1"]},
        {"san_uris": ["https://payroll.example/x"]},
        {"san_emails": ["a@example.com"]},
        {"san_user_principal_names": ["user@example.com"]},
    ],
    ids=["ip", "uri", "email", "upn"],
)
def test_alternative_names_without_a_subject(certificates, name, names):
    policy = CertificatePolicy(issuer_name="Self", key_type="EC", key_curve_name="P-256", **names)
    made = created(certificates, name, policy)
    extension = leaf(made).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert extension.critical
    assert len(extension.value) == len(next(iter(names.values())))
    for field in ("san_dns_names", "san_emails", "san_uris", "san_ip_addresses", "san_user_principal_names"):
        assert (getattr(made.policy, field) or None) == names.get(field)


def test_decipher_only(certificates, name):
    made = created(certificates, name, CertificatePolicy("Self", subject="CN=x", key_usage=["decipherOnly"]))
    assert made.policy.key_usage == ["decipherOnly"]


def test_a_new_version_may_keep_its_key(certificates, keys, name):
    policy = own_policy(reuse_key=True)
    first = created(certificates, name, policy)
    second = created(certificates, name, policy)
    assert first.properties.version != second.properties.version
    assert leaf(first).public_key() == leaf(second).public_key()
    assert keys.get_key(name).id == second.key_id
    versions = {version.version for version in certificates.list_properties_of_certificate_versions(name)}
    assert versions == {first.properties.version, second.properties.version}
    old = certificates.get_certificate_version(name, first.properties.version)
    assert bytes(old.cer) == bytes(first.cer)


def test_policy_attributes_and_tags_change(certificates, keys, secrets, name):
    created(certificates, name)
    policy = certificates.get_certificate_policy(name)
    policy._validity_in_months = 6
    assert certificates.update_certificate_policy(name, policy).validity_in_months == 6
    assert certificates.get_certificate_policy(name).validity_in_months == 6
    changed = certificates.update_certificate_properties(name, enabled=False, tags={"a": "b"})
    assert (changed.properties.enabled, changed.properties.tags) == (False, {"a": "b"})
    time.sleep(1)
    refused(403, secrets.get_secret, name, inner="SecretDisabled")
    assert keys.get_key(name).properties.enabled is False


def test_a_deleted_certificate_takes_key_and_secret_along(certificates, keys, secrets, name):
    made = created(certificates, name)
    deleted = certificates.begin_delete_certificate(name).result()
    assert deleted.recovery_id.endswith(f"/deletedcertificates/{name}")
    for read in (certificates.get_certificate, keys.get_key, secrets.get_secret):
        refused(404, read, name, text="not found")
    assert certificates.get_deleted_certificate(name).id == made.id
    assert name in {one.name for one in certificates.list_deleted_certificates()}
    assert certificates.begin_recover_deleted_certificate(name).result().id == made.id
    assert keys.get_key(name).id == made.key_id
    certificates.begin_delete_certificate(name).wait()
    refused(409, created, certificates, name, inner="ObjectIsDeletedButRecoverable")
    certificates.purge_deleted_certificate(name)
    refused(404, keys.get_deleted_key, name)
    assert created(certificates, name).id != made.id


def test_a_backup_brings_certificate_key_and_secret_back(certificates, keys, secrets, credential, name):
    first = created(certificates, name)
    second = created(certificates, name)
    backup = certificates.backup_certificate(name)
    with pytest.raises(ResourceExistsError):
        certificates.restore_certificate_backup(backup)
    certificates.begin_delete_certificate(name).wait()
    certificates.purge_deleted_certificate(name)
    restored = certificates.restore_certificate_backup(backup)
    assert (restored.id, bytes(restored.cer)) == (second.id, bytes(second.cer))
    assert bytes(certificates.get_certificate_version(name, first.properties.version).cer) == bytes(first.cer)
    CryptographyClient(keys.get_key(name), credential).sign(SignatureAlgorithm.es256, bytes(32))
    assert secrets.get_secret(name).id == second.secret_id


def test_contacts(stack, credential):
    with CertificateClient(stack.vault2_url, credential) as client:
        refused(404, client.get_contacts, text="not found")
        people = [
            CertificateContact(email="a@example.com", name="A", phone="1"),
            CertificateContact(email="b@example.com"),
        ]
        assert [one.email for one in client.set_contacts(people)] == ["a@example.com", "b@example.com"]
        assert [one.name for one in client.get_contacts()] == ["A", None]
        assert len(client.delete_contacts()) == 2
        refused(404, client.delete_contacts)


def test_issuers(certificates, name):
    admins = [AdministratorContact(first_name="Ad", last_name="Min", email="a@example.com", phone="1")]
    made = certificates.create_issuer(name, "Test", account_id="x", password="never-kept", admin_contacts=admins)
    assert (made.provider, made.account_id, made.admin_contacts[0].email) == ("Test", "x", "a@example.com")
    assert certificates.update_issuer(name, enabled=False).enabled is False
    assert certificates.get_issuer(name).admin_contacts[0].first_name == "Ad"
    assert name in {one.name for one in certificates.list_properties_of_issuers()}
    assert certificates.delete_issuer(name).provider == "Test"
    refused(404, certificates.get_issuer, name, text="not found")


def test_the_built_in_issuer_signs_with_its_own_key(certificates, secrets, name):
    certificates.create_issuer(f"{name}-ca", "VaultPortal")
    made = created(certificates, name, own_policy(issuer_name=f"{name}-ca", key_type="RSA", key_curve_name=None))
    _, found, chain = pkcs12.load_key_and_certificates(base64.b64decode(secrets.get_secret(name).value), None)
    assert found == leaf(made)
    [root] = chain
    found.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is True
    renewed = created(certificates, name, own_policy(issuer_name=f"{name}-ca"))
    leaf(renewed).verify_directly_issued_by(root)


def test_an_issuer_that_delivers_nothing_here_is_refused_at_once(certificates, name):
    certificates.create_issuer(f"{name}-ca", "Test")
    refused(403, created, certificates, name, own_policy(issuer_name=f"{name}-ca"), text="'Test'")
    certificates.create_issuer(f"{name}-own", "VaultPortal", enabled=False)
    refused(403, created, certificates, name, own_policy(issuer_name=f"{name}-own"), text="disabled")
    refused(404, certificates.get_certificate, name)
    refused(404, created, certificates, f"{name}-2", own_policy(issuer_name=f"{name}-nobody"))


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "not a name"},
        {"key_type": "RSA", "key_size": 1024, "key_curve_name": None},
        {"key_curve_name": "P-192"},
        {"content_type": "text/plain"},
        {"validity_in_months": 0},
        {"validity_in_months": 1201},
        {"key_usage": ["nothing"]},
        {"enhanced_key_usage": ["1.2.bad"]},
        {"san_ip_addresses": ["300.1.1.1"]},
        {"san_dns_names": ["caf\u00e9.example"]},
        {"lifetime_actions": [LifetimeAction("AutoRenew", lifetime_percentage=0)]},
        {"lifetime_actions": [LifetimeAction("AutoRenew", lifetime_percentage=50, days_before_expiry=5)]},
    ],
    ids=str,
)
def test_a_policy_that_cannot_be_is_refused_and_makes_nothing(certificates, keys, name, changes):
    refused(400, created, certificates, name, own_policy(**changes))
    for read in (certificates.get_certificate, keys.get_key):
        refused(404, read, name)
