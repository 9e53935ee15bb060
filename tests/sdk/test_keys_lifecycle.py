"""KeyClient, sync: everything beyond creating and using."""

import json
import os
import time
from datetime import UTC, datetime

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.keyvault.keys import (
    JsonWebKey,
    KeyReleasePolicy,
    KeyRotationLifetimeAction,
    KeyRotationPolicy,
    KeyRotationPolicyAction,
)
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

from tests.support.byok import byok_file, jwk_of
from tests.support.sdk import refused, remote

pytestmark = pytest.mark.stack

BOTH = pytest.mark.parametrize("hardware", [False, True], ids=["software", "hsm"])


def test_a_deleted_key_is_gone_recoverable_and_purgeable(keys, name):
    made = keys.create_ec_key(name, tags={"a": "b"})
    deleted = keys.begin_delete_key(name).result()
    assert deleted.recovery_id.endswith(f"/deletedkeys/{name}")
    assert (deleted.scheduled_purge_date - deleted.deleted_date).days == 90
    assert (deleted.id, deleted.properties.tags) == (made.id, {"a": "b"})
    with pytest.raises(ResourceNotFoundError):
        keys.get_key(name)
    with pytest.raises(ResourceNotFoundError):
        keys.get_key(name, made.properties.version)
    assert list(keys.list_properties_of_key_versions(name)) == []
    assert name not in {key.name for key in keys.list_properties_of_keys()}
    assert keys.get_deleted_key(name).name == name
    assert name in {key.name for key in keys.list_deleted_keys()}
    conflict = refused(409, keys.create_ec_key, name, inner="ObjectIsDeletedButRecoverable", text="recovered")
    assert isinstance(conflict, ResourceExistsError)
    assert keys.begin_recover_deleted_key(name).result().id == made.id
    assert keys.get_key(name).id == made.id
    refused(404, keys.get_deleted_key, name, text="Deleted Key not found")
    keys.begin_delete_key(name).wait()
    keys.purge_deleted_key(name)
    refused(404, keys.get_deleted_key, name)
    refused(404, keys.purge_deleted_key, name)
    assert keys.create_ec_key(name).id != made.id


def test_a_deleted_key_is_not_used_any_more(keys, credential, name):
    client = CryptographyClient(keys.create_ec_key(name, hardware_protected=True).id, credential)
    assert client.sign(SignatureAlgorithm.es256, bytes(32)).signature
    keys.begin_delete_key(name).wait()
    time.sleep(1)
    refused(404, client.sign, SignatureAlgorithm.es256, bytes(32))


@BOTH
def test_a_backup_brings_every_version_back(keys, credential, name, hardware):
    old = keys.create_rsa_key(name, hardware_protected=hardware, tags={"n": "1"})
    secret = CryptographyClient(old, credential).encrypt(EncryptionAlgorithm.rsa_oaep_256, b"old data").ciphertext
    new = keys.rotate_key(name)
    backup = keys.backup_key(name)
    conflict = refused(409, keys.restore_key_backup, backup)
    assert isinstance(conflict, ResourceExistsError)
    keys.begin_delete_key(name).wait()
    refused(409, keys.restore_key_backup, backup, inner="ObjectIsDeletedButRecoverable")
    keys.purge_deleted_key(name)
    restored = keys.restore_key_backup(backup)
    assert restored.id == new.id
    for field in ("created_on", "updated_on", "tags", "enabled", "expires_on"):
        assert getattr(restored.properties, field) == getattr(new.properties, field), field
    assert {version.id for version in keys.list_properties_of_key_versions(name)} == {old.id, new.id}
    opened = CryptographyClient(old.id, credential).decrypt(EncryptionAlgorithm.rsa_oaep_256, secret)
    assert opened.plaintext == b"old data"


def imported(hardware):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private, jwk_of(private, hardware=hardware)


@BOTH
def test_an_rsa_key_is_imported_and_opens_what_was_sealed_before(keys, credential, name, hardware):
    private, jwk = imported(hardware)
    key = keys.import_key(name, jwk, hardware_protected=hardware, tags={"from": "outside"})
    assert key.key_type == ("RSA-HSM" if hardware else "RSA")
    assert key.key.n == private.public_key().public_numbers().n.to_bytes(256)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    sealed = private.public_key().encrypt(b"data", oaep)
    client = CryptographyClient(key.id, credential)
    assert client.decrypt(EncryptionAlgorithm.rsa_oaep_256, sealed).plaintext == b"data"


@BOTH
@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521", "P-256K"])
def test_an_ec_key_is_imported(keys, credential, name, curve, hardware):
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1(), "P-256K": ec.SECP256K1()}
    algorithm = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "P-256K": "ES256K"}[curve]
    private = ec.generate_private_key(curves[curve])
    key = keys.import_key(name, jwk_of(private, hardware=hardware), hardware_protected=hardware)
    assert key.key.crv == curve
    digest = bytes({"ES384": 48, "ES512": 64}.get(algorithm, 32))
    client = CryptographyClient(key.id, credential)
    signature = client.sign(SignatureAlgorithm(algorithm), digest).signature
    assert client.verify(SignatureAlgorithm(algorithm), digest, signature).is_valid


@BOTH
@pytest.mark.parametrize("bits", [128, 192, 256])
def test_aes_keys_encrypt_wrap_and_stay(keys, credential, name, bits, hardware):
    key = keys.create_oct_key(name, size=bits, hardware_protected=hardware)
    assert key.key_type == ("oct-HSM" if hardware else "oct")
    assert key.key.k is None
    client = remote(key, credential)
    gcm = EncryptionAlgorithm(f"A{bits}GCM")
    made = client.encrypt(gcm, b"data", additional_authenticated_data=b"context")
    assert (len(made.iv), len(made.tag), made.aad) == (12, 16, b"context")
    opened = client.decrypt(
        gcm, made.ciphertext, iv=made.iv, authentication_tag=made.tag, additional_authenticated_data=b"context"
    )
    assert opened.plaintext == b"data"
    refused(400, client.decrypt, gcm, made.ciphertext, iv=made.iv, authentication_tag=bytes(16))
    for mode, expected in (("CBC", b"data" + bytes(12)), ("CBCPAD", b"data")):
        made = client.encrypt(EncryptionAlgorithm(f"A{bits}{mode}"), b"data", iv=bytes(16))
        assert made.iv == bytes(16)
        opened = client.decrypt(EncryptionAlgorithm(f"A{bits}{mode}"), made.ciphertext, iv=made.iv)
        assert opened.plaintext == expected
    kw = KeyWrapAlgorithm(f"A{bits}KW") if f"A{bits}KW" in set(KeyWrapAlgorithm) else KeyWrapAlgorithm.aes_256
    wrapped = client.wrap_key(kw, bytes(32)).encrypted_key
    assert client.unwrap_key(kw, wrapped).key == bytes(32)
    refused(400, client.unwrap_key, kw, wrapped[::-1])


def test_hmac_keys_sign(keys, credential, name):
    for hardware in (False, True):
        key = keys.create_oct_key(
            f"{name}-{hardware}", size=256, hardware_protected=hardware, key_operations=["sign", "verify"]
        )
        client = CryptographyClient(key.id, credential)
        for algorithm in ("HS256", "HS384", "HS512"):
            if hardware and algorithm != "HS256":  # SoftHSM wants a key as long as the hash
                refused(400, client.sign, SignatureAlgorithm(algorithm), bytes(32), text="HSM")
                continue
            signature = client.sign(SignatureAlgorithm(algorithm), bytes(32)).signature
            assert client.verify(SignatureAlgorithm(algorithm), bytes(32), signature).is_valid
            assert not client.verify(SignatureAlgorithm(algorithm), bytes(32), signature[::-1]).is_valid


@BOTH
def test_an_imported_aes_key_gives_the_same_answers(keys, credential, name, hardware):
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap

    material = os.urandom(32)
    jwk = JsonWebKey(kty="oct-HSM" if hardware else "oct", k=material, key_ops=["wrapKey", "unwrapKey"])
    key = keys.import_key(name, jwk, hardware_protected=hardware)
    wrapped = remote(key, credential).wrap_key(KeyWrapAlgorithm.aes_256, bytes(range(24)))
    assert wrapped.encrypted_key == aes_key_wrap(material, bytes(range(24)))


def test_random_bytes(keys):
    assert len(keys.get_random_bytes(128)) == 128
    assert keys.get_random_bytes(16) != keys.get_random_bytes(16)
    refused(400, keys.get_random_bytes, 129, text="count cannot be greater than 128")


def test_another_public_exponent(keys, name):
    key = keys.create_rsa_key(name, hardware_protected=True, public_exponent=17)
    assert key.key.e == b"\x11"
    assert keys.rotate_key(name).key.e == b"\x11"


def test_the_usual_public_exponent(keys, name):
    """Java's client sends 0 for it."""
    assert keys.create_rsa_key(name, public_exponent=0).key.e == b"\x01\x00\x01"


@pytest.mark.parametrize("kind", ["rsa", "ec", "aes"])
def test_a_key_is_brought_in_a_byok_file(keys, credential, name, kind):
    kek = keys.create_rsa_key(f"{name}-kek", hardware_protected=True, key_operations=["import"])
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    public = rsa.RSAPublicNumbers(int.from_bytes(kek.key.e), int.from_bytes(kek.key.n)).public_key()
    if kind == "aes":
        material, jwk = os.urandom(32), {"kty": "oct-HSM", "key_ops": ["encrypt", "decrypt"]}
    else:
        private = (
            rsa.generate_private_key(public_exponent=65537, key_size=3072)
            if kind == "rsa"
            else ec.generate_private_key(ec.SECP384R1())
        )
        jwk = {"kty": "RSA-HSM"} if kind == "rsa" else {"kty": "EC-HSM", "crv": "P-384"}
        material = private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    carrier = os.urandom(32)
    file = byok_file(kek.id, public.encrypt(carrier, oaep) + aes_key_wrap_with_padding(carrier, material))
    key = keys.import_key(name, JsonWebKey(**jwk, t=file))
    client = CryptographyClient(key.id, credential)
    if kind == "aes":
        made = client.encrypt(EncryptionAlgorithm.a256_gcm, b"data")
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        assert AESGCM(material).decrypt(made.iv, made.ciphertext + made.tag, b"") == b"data"
    else:
        algorithm, digest = (
            (SignatureAlgorithm.rs256, bytes(32)) if kind == "rsa" else (SignatureAlgorithm.es384, bytes(48))
        )
        signature = client.sign(algorithm, digest).signature
        assert CryptographyClient(keys.get_key(name), credential).verify(algorithm, digest, signature).is_valid
    refused(400, keys.import_key, f"{name}-2", JsonWebKey(**jwk, t=byok_file(kek.id, bytes(300))))
    refused(403, CryptographyClient(kek.id, credential).sign, SignatureAlgorithm.rs256, bytes(32))
    other = keys.create_rsa_key(f"{name}-not", hardware_protected=True)
    wrong = byok_file(other.id, public.encrypt(carrier, oaep) + aes_key_wrap_with_padding(carrier, material))
    refused(403, keys.import_key, f"{name}-2", JsonWebKey(**jwk, t=wrong), inner="KeyOperationForbidden")


def test_a_rotation_policy_is_echoed_and_has_the_azure_defaults(keys, name):
    keys.create_rsa_key(name)
    default = keys.get_key_rotation_policy(name)
    assert [(a.action, a.time_before_expiry) for a in default.lifetime_actions] == [("Notify", "P30D")]
    actions = [KeyRotationLifetimeAction(KeyRotationPolicyAction.rotate, time_after_create="P2M")]
    policy = KeyRotationPolicy(lifetime_actions=actions, expires_in="P90D")
    made = keys.update_key_rotation_policy(name, policy)
    assert made.expires_in == "P90D"
    found = {(a.action, a.time_after_create, a.time_before_expiry) for a in made.lifetime_actions}
    assert found == {("Rotate", "P2M", None), ("Notify", None, "P30D")}
    notify = [KeyRotationLifetimeAction(KeyRotationPolicyAction.notify, time_before_expiry="P60D")]
    again = keys.update_key_rotation_policy(name, KeyRotationPolicy(), lifetime_actions=notify, expires_in="P90D")
    assert [(a.action, a.time_before_expiry) for a in again.lifetime_actions] == [("Notify", "P60D")]
    assert keys.get_key_rotation_policy(name).updated_on == again.updated_on
    assert keys.rotate_key(name).properties.expires_on > datetime.now(UTC)


@pytest.mark.parametrize(
    ("actions", "expiry"),
    [
        ([], "P27D"),
        ([], "90 days"),
        ([], "P0D"),
        ([("Rotate", {"timeAfterCreate": "P6D"})], "P90D"),
        ([("Rotate", {"timeAfterCreate": "P84D"})], "P90D"),
        ([("Rotate", {"timeBeforeExpiry": "P30D"})], None),
        ([("Rotate", {"timeBeforeExpiry": "P6D"})], "P90D"),
        ([("Rotate", {"timeAfterCreate": "P10D", "timeBeforeExpiry": "P10D"})], "P90D"),
        ([("Notify", {"timeAfterCreate": "P10D"})], "P90D"),
        ([("Rotate", {"timeAfterCreate": "P10D"}), ("Rotate", {"timeAfterCreate": "P20D"})], "P90D"),
        ([("Explode", {"timeAfterCreate": "P10D"})], "P90D"),
        ([("Rotate", {})], "P90D"),
        ([("Rotate", {"timeAfterCreate": 5})], "P90D"),
        ([("Rotate", {"timeAfterCreate": "P999999999999Y"})], None),
    ],
)
def test_a_rotation_policy_that_cannot_be_is_refused(stack, keys, name, actions, expiry):
    from azure.core.rest import HttpRequest

    keys.create_ec_key(name)
    body = {
        "lifetimeActions": [{"trigger": trigger, "action": {"type": kind}} for kind, trigger in actions],
        "attributes": {"expiryTime": expiry},
    }
    answer = keys.send_request(HttpRequest("PUT", f"keys/{name}/rotationpolicy", json=body))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BadParameter"


POLICY = {
    "version": "1.0.0",
    "anyOf": [{"authority": "https://issuer.example/", "allOf": [{"claim": "sdk-test", "equals": True}]}],
}


def test_exportable_keys_have_a_release_policy_and_others_none(keys, name):
    policy = KeyReleasePolicy(json.dumps(POLICY).encode(), immutable=True)
    refused(400, keys.create_rsa_key, name, exportable=True, text="Exportable keys must have release policy")
    refused(400, keys.create_rsa_key, name, release_policy=policy, text="must not have release policy")
    key = keys.create_rsa_key(name, hardware_protected=True, exportable=True, release_policy=policy)
    assert key.properties.exportable is True
    assert json.loads(key.properties.release_policy.encoded_policy) == POLICY
    assert key.properties.release_policy.immutable is True
    changed = KeyReleasePolicy(json.dumps({**POLICY, "anyOf": POLICY["anyOf"] * 2}).encode())
    refused(400, keys.update_key_properties, name, release_policy=changed, text="immutable")
    refused(404, keys.release_key, f"{name}-none", "x.y.z")
    refused(403, keys.release_key, name, "not-a-token")


@BOTH
def test_the_clients_private_key_object_signs_and_opens(keys, credential, name, hardware):
    client = CryptographyClient(keys.create_rsa_key(name, hardware_protected=hardware), credential)
    private, public = client.create_rsa_private_key(), client.create_rsa_public_key()
    signature = private.sign(b"data", padding.PKCS1v15(), hashes.SHA256())
    public.verify(signature, b"data", padding.PKCS1v15(), hashes.SHA256())
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    assert private.decrypt(public.encrypt(b"data", oaep), oaep) == b"data"
    assert keys.get_cryptography_client(name).key_id.startswith(keys.vault_url)
