"""Hybrid encryption: both secrets count, and a hybrid BYOK file opens with both key exchange keys only."""

import os

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apps.hsm import hybrid, key_release
from apps.hsm.errors import BadParameter, BindingMismatch
from apps.hsm.types import Custody, KeyType
from tests.hsm.conftest import binding


def test_the_key_is_that_of_hkdf_over_both_secrets():
    """RFC 5869, with the secrets in the order of their names; written down so that old backups stay readable."""
    key = hybrid.combine(post_quantum=b"p" * 32, classical=b"c" * 32, context=b"for a test")
    derivation = HKDF(hashes.SHA256(), 32, salt=None, info=b"vault-portal/hybrid/1for a test")
    assert key == derivation.derive(b"p" * 32 + b"c" * 32)
    assert key.hex() == "9f4c4bfee72a18e1722323c0b219fba4ba207c0603eb4ba104fc6cf983573b44"


def test_each_secret_and_the_context_changes_the_key():
    given = {"post_quantum": bytes(32), "classical": bytes(32), "context": b"a"}
    keys = {hybrid.combine(**given)}
    keys |= {hybrid.combine(**given | {name: b"\1" + bytes(31)}) for name in ("post_quantum", "classical", "context")}
    assert len(keys) == 4
    for name in ("post_quantum", "classical"):
        for wrong in (b"", bytes(31), bytes(33)):
            with pytest.raises(ValueError, match="32 bytes"):
                hybrid.combine(**given | {name: wrong})


@pytest.fixture(scope="module")
def exchange(hsm, vault_key):
    """The two key exchange keys of a vault."""
    rsa_key = hsm.generate(binding(key_type=KeyType.RSA, parameter="2048", operations=("import",), name="kek"))
    kem = binding(Custody.SOFTWARE, KeyType.AKP, "ML-KEM-768", operations=("import",), name="pq-kek")
    return rsa_key, hsm.generate(kem, vault_key=vault_key)


def test_a_hybrid_transfer_opens_with_both_keys_only(hsm, vault_key, exchange):
    kek, kem = exchange
    private = ec.generate_private_key(ec.SECP256R1())
    material = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    recipient = key_release.load_recipient_key(kek.public_key)
    inner = key_release.release_software(material, recipient, algorithm="CKM_RSA_AES_KEY_WRAP")
    sealed = hybrid.seal_transfer(inner, exchange_key=kem.public_key, recipient=kek.public_key)
    assert len(sealed) == len(inner) + hybrid.TRANSFER_OVERHEAD
    assert hsm.open_transfer(kem, sealed=sealed, kek=kek, vault_key=vault_key) == inner
    imported = hsm.import_wrapped(binding(key_type=KeyType.EC, parameter="P-256"), kek=kek, ciphertext=inner)
    assert imported.public_key == private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    with pytest.raises(BadParameter):
        hsm.import_wrapped(binding(key_type=KeyType.EC, parameter="P-256"), kek=kek, ciphertext=sealed)
    other_kek = hsm.generate(binding(key_type=KeyType.RSA, parameter="2048", operations=("import",), name="kek2"))
    other = binding(Custody.SOFTWARE, KeyType.AKP, "ML-KEM-768", operations=("import",), name="pq2")
    for key, rsa_key in ((kem, other_kek), (hsm.generate(other, vault_key=vault_key), kek)):
        with pytest.raises(BadParameter, match="does not open"):
            hsm.open_transfer(key, sealed=sealed, kek=rsa_key, vault_key=vault_key)
    for at in (0, 1087, 1088, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(BadParameter, match="does not open"):
            hsm.open_transfer(kem, sealed=bytes(changed), kek=kek, vault_key=vault_key)
    for short in (b"", sealed[:1088], sealed[:1100], os.urandom(500)):
        with pytest.raises(BadParameter, match="does not open"):
            hsm.open_transfer(kem, sealed=short, kek=kek, vault_key=vault_key)


def test_only_a_key_exchange_key_opens_a_transfer(hsm, make, vault_key, exchange):
    kek, _ = exchange
    with pytest.raises(BindingMismatch):
        hsm.open_transfer(make(Custody.SOFTWARE, KeyType.AKP, "ML-KEM-768"), sealed=b"", kek=kek, vault_key=vault_key)
