"""KeyClient and CryptographyClient, sync: every type, every algorithm, both protections."""

import hashlib
import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm

from tests.support.sdk import refused, remote

pytestmark = pytest.mark.stack

RSA_SIGNATURES = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
EC_SIGNATURES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "P-256K": "ES256K"}
HASHES = {"256": hashlib.sha256, "56K": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


def digest_for(algorithm):
    return HASHES[algorithm[-3:]](os.urandom(40)).digest()


@pytest.fixture(scope="module", params=[True, False], ids=["hsm", "software"])
def hardware(request):
    return request.param


@pytest.fixture(scope="module")
def rsa(keys, hardware):
    return keys.create_rsa_key(f"sdk-rsa-{os.urandom(4).hex()}", size=2048, hardware_protected=hardware)


@pytest.mark.parametrize("algorithm", RSA_SIGNATURES)
def test_rsa_signs_and_verifies_remotely_and_locally(rsa, credential, algorithm):
    digest = digest_for(algorithm)
    signature = remote(rsa, credential).sign(SignatureAlgorithm(algorithm), digest).signature
    assert remote(rsa, credential).verify(SignatureAlgorithm(algorithm), digest, signature).is_valid
    assert CryptographyClient(rsa, credential).verify(SignatureAlgorithm(algorithm), digest, signature).is_valid
    wrong = remote(rsa, credential).verify(SignatureAlgorithm(algorithm), digest_for(algorithm), signature)
    assert wrong.is_valid is False


@pytest.mark.parametrize("algorithm", ["RSA-OAEP", "RSA-OAEP-256"])
def test_rsa_encrypts_and_wraps_remotely_and_locally(rsa, credential, algorithm):
    data = os.urandom(100)
    for client in (remote(rsa, credential), CryptographyClient(rsa, credential)):
        ciphertext = client.encrypt(EncryptionAlgorithm(algorithm), data).ciphertext
        assert remote(rsa, credential).decrypt(EncryptionAlgorithm(algorithm), ciphertext).plaintext == data
        wrapped = client.wrap_key(KeyWrapAlgorithm(algorithm), data).encrypted_key
        assert remote(rsa, credential).unwrap_key(KeyWrapAlgorithm(algorithm), wrapped).key == data


def test_rsa1_5_encrypts_but_does_not_decrypt_unless_it_is_turned_on(rsa, credential):
    ciphertext = remote(rsa, credential).encrypt(EncryptionAlgorithm.rsa1_5, b"legacy").ciphertext
    refused(400, remote(rsa, credential).decrypt, EncryptionAlgorithm.rsa1_5, ciphertext, text="is off in the vault")


@pytest.mark.parametrize("size", [2048, 3072, 4096])
def test_every_rsa_size_is_made_and_signs(keys, credential, hardware, size, name):
    key = keys.create_rsa_key(name, size=size, hardware_protected=hardware)
    assert key.key_type == ("RSA-HSM" if hardware else "RSA")
    assert len(key.key.n) == size // 8
    assert int.from_bytes(key.key.e) == 65537
    digest = digest_for("PS256")
    signature = remote(key, credential).sign(SignatureAlgorithm.ps256, digest).signature
    assert CryptographyClient(key, credential).verify(SignatureAlgorithm.ps256, digest, signature).is_valid


@pytest.mark.parametrize("curve", EC_SIGNATURES)
def test_every_curve_is_made_and_signs(keys, credential, hardware, curve, name):
    key = keys.create_ec_key(name, curve=curve, hardware_protected=hardware)
    assert key.key_type == ("EC-HSM" if hardware else "EC")
    assert key.key_operations == ["sign", "verify"]
    algorithm = SignatureAlgorithm(EC_SIGNATURES[curve])
    digest = digest_for(algorithm.value)
    signature = remote(key, credential).sign(algorithm, digest).signature
    assert CryptographyClient(key, credential).verify(algorithm, digest, signature).is_valid
    assert remote(key, credential).verify(algorithm, digest, signature).is_valid


def test_an_archived_version_still_opens_what_is_old(keys, credential, hardware, name):
    old = keys.create_rsa_key(name, hardware_protected=hardware)
    ciphertext = CryptographyClient(old, credential).encrypt(EncryptionAlgorithm.rsa_oaep_256, b"old").ciphertext
    digest = digest_for("RS256")
    signature = remote(old, credential).sign(SignatureAlgorithm.rs256, digest).signature
    new = keys.rotate_key(name)
    assert new.properties.version != old.properties.version
    assert new.key.n != old.key.n
    archived = remote(old, credential)
    assert archived.decrypt(EncryptionAlgorithm.rsa_oaep_256, ciphertext).plaintext == b"old"
    assert archived.verify(SignatureAlgorithm.rs256, digest, signature).is_valid
    assert keys.get_key(name).id == new.id
    refused(400, remote(new, credential).decrypt, EncryptionAlgorithm.rsa_oaep_256, ciphertext)


def test_without_a_version_the_newest_is_used(keys, credential, stack, name):
    keys.create_ec_key(name)
    newest = keys.rotate_key(name)
    versionless = remote(f"{stack.vault_url}/keys/{name}", credential)
    digest = digest_for("ES256")
    signature = versionless.sign(SignatureAlgorithm.es256, digest).signature
    assert CryptographyClient(newest, credential).verify(SignatureAlgorithm.es256, digest, signature).is_valid


def test_get_list_and_versions(keys, name):
    made = [keys.create_ec_key(name) for _ in range(3)]
    assert keys.get_key(name, made[0].properties.version).key.x == made[0].key.x
    assert {version.id for version in keys.list_properties_of_key_versions(name)} == {key.id for key in made}
    listed = {key.name for key in keys.list_properties_of_keys()}
    assert name in listed


def test_lists_are_paged(keys, name):
    for number in range(7):
        keys.create_ec_key(f"{name}-{number}")
    pages = [list(page) for page in keys.list_properties_of_keys(max_page_size=3).by_page()]
    assert all(len(page) <= 3 for page in pages)
    found = [key.name for page in pages for key in page]
    assert len(found) == len(set(found))
    assert {f"{name}-{number}" for number in range(7)} <= set(found)
    versions = [list(page) for page in keys.list_properties_of_key_versions(name + "-missing").by_page()]
    assert versions == [[]]


def test_names_compare_without_case_and_keep_theirs(keys, name):
    keys.create_ec_key(name.upper())
    assert keys.get_key(name.lower()).name == name.upper()
    assert keys.rotate_key(name.lower()).name == name.upper()


def test_update_changes_what_it_names_and_nothing_else(keys, name):
    made = keys.create_rsa_key(name, tags={"a": "1"}, key_operations=["sign", "verify", "encrypt", "decrypt"])
    expires = datetime(2101, 1, 1, tzinfo=UTC)
    time.sleep(1.1)
    changed = keys.update_key_properties(name, expires_on=expires, tags={"b": "2"})
    assert changed.properties.expires_on == expires
    assert changed.properties.tags == {"b": "2"}
    assert changed.key_operations == made.key_operations
    assert changed.properties.created_on == made.properties.created_on
    assert changed.properties.updated_on > made.properties.updated_on
    again = keys.update_key_properties(name, key_operations=["verify", "decrypt"])
    assert again.properties.tags == {"b": "2"}
    assert again.properties.expires_on == expires
    assert keys.get_key(name).key_operations == ["verify", "decrypt"]


def test_changed_operations_are_obeyed_within_a_second_by_both_protections(keys, credential, hardware, name):
    key = keys.create_ec_key(name, hardware_protected=hardware)
    digest = digest_for("ES256")
    signature = remote(key, credential).sign(SignatureAlgorithm.es256, digest).signature
    keys.update_key_properties(name, key_operations=["verify"])
    time.sleep(1)
    refused(403, remote(key, credential).sign, SignatureAlgorithm.es256, digest, inner="KeyOperationForbidden")
    assert remote(key, credential).verify(SignatureAlgorithm.es256, digest, signature).is_valid


def test_a_disabled_key_is_refused_within_a_second(keys, credential, name):
    key = keys.create_ec_key(name)
    client = remote(key, credential)
    digest = digest_for("ES256")
    client.sign(SignatureAlgorithm.es256, digest)
    keys.update_key_properties(name, enabled=False)
    time.sleep(1)
    refused(403, client.sign, SignatureAlgorithm.es256, digest, inner="KeyDisabled")
    assert keys.get_key(name).properties.enabled is False


def test_outside_its_dates_a_key_opens_but_does_not_sign(keys, credential, name):
    now = datetime.now(UTC)
    key = keys.create_rsa_key(name, not_before=now - timedelta(days=2), expires_on=now - timedelta(days=1))
    client = remote(key, credential)
    refused(403, client.sign, SignatureAlgorithm.rs256, digest_for("RS256"), inner="KeyOutsideDates")
    verified = client.verify(SignatureAlgorithm.rs256, digest_for("RS256"), bytes(256))
    assert verified.is_valid is False


@pytest.mark.parametrize("year", [2000, 2100, 3000, 3001])
def test_dates_are_echoed_to_the_second(keys, name, year):
    moment = datetime(year, 5, 6, 7, 8, 9, tzinfo=UTC)
    key = keys.create_ec_key(name, expires_on=moment)
    assert key.properties.expires_on == moment
    assert keys.get_key(name).properties.expires_on == moment


def test_a_missing_key_is_resource_not_found(keys, name):
    with pytest.raises(ResourceNotFoundError) as missing:
        keys.get_key(name)
    assert missing.value.error.code == "KeyNotFound"


def test_a_wrong_secret_is_an_authentication_error(stack):
    wrong = ClientSecretCredential(
        stack.tenant, stack.client_id, "wrong", authority=stack.authority, disable_instance_discovery=True
    )
    with pytest.raises(ClientAuthenticationError):
        KeyClient(stack.vault_url, wrong).get_key("any")


def test_a_stranger_is_forbidden_whether_the_key_exists_or_not(stack, keys, name):
    keys.create_ec_key(name)
    client = stack.sdk(KeyClient, stranger=True)
    denials = {asked: refused(403, client.get_key, asked, inner="ForbiddenByRbac") for asked in (name, name + "x")}
    assert len({denial.message.replace(asked, "NAME") for asked, denial in denials.items()}) == 1


def test_a_relative_request_adds_the_api_version_itself(keys, name):
    from azure.core.rest import HttpRequest

    made = keys.create_ec_key(name)
    answer = keys.send_request(HttpRequest("GET", f"keys/{name}/{made.properties.version}"))
    answer.raise_for_status()
    assert answer.json()["key"]["kid"] == made.id


@pytest.mark.parametrize(
    "version", ["2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"]
)
def test_every_api_version_is_spoken(stack, credential, keys, name, version):
    keys.create_ec_key(name)
    with KeyClient(stack.vault_url, credential, api_version=version) as client:
        assert client.get_key(name).name == name
