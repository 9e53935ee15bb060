"""Keys that come from outside, in clear or in a BYOK file, and keys that leave to a recipient."""

import dataclasses
import hashlib
import os

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding, aes_key_wrap_with_padding

from apps.hsm import public_keys
from apps.hsm.errors import BadParameter, BindingMismatch, SealBroken, UnsupportedAlgorithm
from apps.hsm.types import Custody, KeyType
from tests.hsm.conftest import binding
from tests.support.known_answers import OCT_OPERATIONS, pkcs8

CURVES = ["P-256", "P-384", "P-521", "P-256K"]
ALGORITHM = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "P-256K": "ES256K"}
DIGEST = {"P-256": "sha256", "P-384": "sha384", "P-521": "sha512", "P-256K": "sha256"}


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def oct_binding(parameter, custody=Custody.WRAPPED):
    return binding(custody, KeyType.OCT, parameter, operations=OCT_OPERATIONS)


def byok(kek, material):
    """The ciphertext of a BYOK file, as a customer's machine makes it."""
    carrier = os.urandom(32)
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    return public_keys.load(kek.public_key).encrypt(carrier, oaep) + aes_key_wrap_with_padding(carrier, material)


@pytest.mark.parametrize("custody", list(Custody))
def test_an_imported_rsa_key_signs_and_opens_as_before(hsm, vault_key, rsa_key, custody):
    key = hsm.import_key(binding(custody), material=pkcs8(rsa_key), vault_key=vault_key)
    assert key.public_key == public_keys.dump(rsa_key.public_key())
    digest = hashlib.sha256(b"data").digest()
    signature = hsm.sign(key, algorithm="RS256", digest=digest, vault_key=vault_key)
    rsa_key.public_key().verify(signature, b"data", padding.PKCS1v15(), hashes.SHA256())
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    old = rsa_key.public_key().encrypt(b"old data", oaep)
    assert hsm.decrypt(key, algorithm="RSA-OAEP-256", ciphertext=old, vault_key=vault_key) == b"old data"


@pytest.mark.parametrize("custody", list(Custody))
@pytest.mark.parametrize("curve", CURVES)
def test_an_imported_ec_key_signs(hsm, vault_key, curve, custody):
    for _ in range(4):  # both halves of the curve: the point's sign has to be found
        private = ec.generate_private_key(public_keys.CURVES[curve])
        what = binding(custody, KeyType.EC, curve)
        key = hsm.import_key(what, material=pkcs8(private), vault_key=vault_key)
        assert key.public_key == public_keys.dump(private.public_key())
        digest = hashlib.new(DIGEST[curve], b"data").digest()
        signature = hsm.sign(key, algorithm=ALGORITHM[curve], digest=digest, vault_key=vault_key)
        assert hsm.verify(key, algorithm=ALGORITHM[curve], digest=digest, signature=signature)


@pytest.mark.parametrize("custody", list(Custody))
@pytest.mark.parametrize("parameter", ["128", "192", "256"])
def test_an_imported_aes_key_opens_what_it_sealed_elsewhere(hsm, vault_key, parameter, custody):
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    material = os.urandom(int(parameter) // 8)
    key = hsm.import_key(oct_binding(parameter, custody), material=material, vault_key=vault_key)
    iv = os.urandom(12)
    sealed = AESGCM(material).encrypt(iv, b"old data", b"context")
    opened = hsm.decrypt(
        key,
        algorithm=f"A{parameter}GCM",
        ciphertext=sealed[:-16],
        iv=iv,
        aad=b"context",
        tag=sealed[-16:],
        vault_key=vault_key,
    )
    assert opened == b"old data"


@pytest.mark.parametrize("custody", list(Custody))
def test_material_that_is_not_what_is_said_is_refused(hsm, vault_key, rsa_key, custody):
    ec_key = pkcs8(ec.generate_private_key(ec.SECP256R1()))
    for what, material in (
        (binding(custody, parameter="3072"), pkcs8(rsa_key)),
        (binding(custody), ec_key),
        (binding(custody, KeyType.EC, "P-384"), ec_key),
        (binding(custody, KeyType.EC, "P-256K"), ec_key),
        (binding(custody), pkcs8(rsa_key)[:-9]),
        (binding(custody), b""),
        (oct_binding("256", custody), bytes(16)),
        (oct_binding("512", custody), bytes(64)),
    ):
        with pytest.raises(BadParameter):
            hsm.import_key(what, material=material, vault_key=vault_key)


@pytest.fixture(scope="module")
def kek(hsm):
    return hsm.generate(binding(operations=("import",), name="kek"))


def test_byok_brings_rsa_ec_and_aes_keys(hsm, kek, rsa_key):
    key = hsm.import_wrapped(binding(), kek=kek, ciphertext=byok(kek, pkcs8(rsa_key)))
    assert key.public_key == public_keys.dump(rsa_key.public_key())
    for curve in CURVES:
        private = ec.generate_private_key(public_keys.CURVES[curve])
        what = binding(Custody.WRAPPED, KeyType.EC, curve)
        key = hsm.import_wrapped(what, kek=kek, ciphertext=byok(kek, pkcs8(private)))
        assert key.public_key == public_keys.dump(private.public_key())
    for parameter in ("128", "192", "256"):
        material = os.urandom(int(parameter) // 8)
        key = hsm.import_wrapped(oct_binding(parameter), kek=kek, ciphertext=byok(kek, material))
        encrypted = hsm.encrypt(key, algorithm=f"A{parameter}CBC", plaintext=bytes(16), iv=bytes(16))
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        expected = Cipher(algorithms.AES(material), modes.CBC(bytes(16))).encryptor().update(bytes(16))
        assert encrypted.ciphertext == expected


def test_a_byok_transfer_that_is_not_whole_is_refused(hsm, kek, rsa_key):
    good = byok(kek, pkcs8(rsa_key))
    flipped = [
        bytes([good[at] ^ 1 if at == spot else good[at] for at in range(len(good))])
        for spot in (0, 255, 256, 300, len(good) - 1)
    ]
    for ciphertext in (*flipped, good[:-8], good[:256], good[256:], b"", good + bytes(8), good[:255]):
        with pytest.raises(BadParameter):
            hsm.import_wrapped(binding(), kek=kek, ciphertext=ciphertext)
    with pytest.raises(BadParameter):  # an AES key declared as RSA, and the reverse
        hsm.import_wrapped(binding(), kek=kek, ciphertext=byok(kek, os.urandom(32)))
    with pytest.raises(BadParameter):
        hsm.import_wrapped(oct_binding("256"), kek=kek, ciphertext=good)
    with pytest.raises(BadParameter):
        hsm.import_wrapped(oct_binding("256"), kek=kek, ciphertext=byok(kek, os.urandom(16)))
    with pytest.raises(BadParameter):
        hsm.import_wrapped(binding(parameter="3072"), kek=kek, ciphertext=good)


def test_only_a_key_exchange_key_takes_keys_in(hsm, make, rsa_key):
    ordinary = make(Custody.WRAPPED, KeyType.RSA, "2048")
    with pytest.raises(BindingMismatch):
        hsm.import_wrapped(binding(), kek=ordinary, ciphertext=byok(ordinary, pkcs8(rsa_key)))


def opened(recipient, blob, algorithm):
    digest = {
        "CKM_RSA_AES_KEY_WRAP": hashes.SHA1(),
        "RSA_AES_KEY_WRAP_256": hashes.SHA256(),
        "RSA_AES_KEY_WRAP_384": hashes.SHA384(),
    }[algorithm]
    carrier = recipient.decrypt(blob[:256], padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=None))
    return aes_key_unwrap_with_padding(carrier, blob[256:])


@pytest.mark.parametrize("custody", list(Custody))
@pytest.mark.parametrize(("key_type", "parameter"), [(KeyType.RSA, "2048"), (KeyType.EC, "P-256")])
def test_an_exportable_key_leaves_to_its_recipient_only(hsm, vault_key, rsa_key, custody, key_type, parameter):
    key = hsm.generate(binding(custody, key_type, parameter, exportable=True), vault_key=vault_key)
    spki = public_keys.dump(rsa_key.public_key())
    blob = hsm.release(key, recipient=spki, algorithm="CKM_RSA_AES_KEY_WRAP", vault_key=vault_key)
    der = opened(rsa_key, blob, "CKM_RSA_AES_KEY_WRAP")
    length = 4 + int.from_bytes(der[2:4]) if der[1] == 0x82 else 2 + der[1] if der[1] < 0x80 else 3 + der[2]
    # SoftHSM pads with zeros (docs/reference/pkcs11-facts.md section 13).
    private = serialization.load_der_private_key(der[:length], password=None)
    assert public_keys.dump(private.public_key()) == key.public_key
    # and it still works where it is
    algorithm = "RS256" if key_type is KeyType.RSA else "ES256"
    hsm.sign(key, algorithm=algorithm, digest=bytes(32), vault_key=vault_key)


def test_the_hash_of_a_release_is_taken_or_refused_cleanly(hsm, vault_key, rsa_key):
    spki = public_keys.dump(rsa_key.public_key())
    soft = hsm.generate(binding(Custody.SOFTWARE, KeyType.EC, "P-256", exportable=True), vault_key=vault_key)
    for algorithm in ("RSA_AES_KEY_WRAP_256", "RSA_AES_KEY_WRAP_384"):
        blob = hsm.release(soft, recipient=spki, algorithm=algorithm, vault_key=vault_key)
        private = serialization.load_der_private_key(opened(rsa_key, blob, algorithm), password=None)
        assert public_keys.dump(private.public_key()) == soft.public_key
    hard = hsm.generate(binding(Custody.WRAPPED, KeyType.EC, "P-256", exportable=True))
    if not hsm.profile["oaep_sha256_native"]:
        with pytest.raises(UnsupportedAlgorithm):
            hsm.release(hard, recipient=spki, algorithm="RSA_AES_KEY_WRAP_256")
    with pytest.raises(UnsupportedAlgorithm):
        hsm.release(hard, recipient=spki, algorithm="none")


def test_a_key_that_is_not_exportable_never_leaves(hsm, vault_key, make, rsa_key):
    spki = public_keys.dump(rsa_key.public_key())
    for custody in Custody:
        key = make(custody, KeyType.EC, "P-256")
        forged = dataclasses.replace(key, binding=dataclasses.replace(key.binding, exportable=True))
        for stored in (key, forged):
            with pytest.raises(BindingMismatch):
                hsm.release(stored, recipient=spki, algorithm="CKM_RSA_AES_KEY_WRAP", vault_key=vault_key)
            with pytest.raises(BindingMismatch):
                hsm.disclose(stored, vault_key=vault_key)
    hard = hsm.generate(binding(Custody.WRAPPED, KeyType.EC, "P-256", exportable=True))
    with pytest.raises(BindingMismatch):
        hsm.disclose(hard, vault_key=vault_key)


def test_a_small_or_foreign_recipient_is_refused(hsm):
    hard = hsm.generate(binding(Custody.WRAPPED, KeyType.EC, "P-256", exportable=True))
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    for recipient in (public_keys.dump(small), public_keys.dump(ec.generate_private_key(ec.SECP256R1()).public_key())):
        with pytest.raises(BadParameter):
            hsm.release(hard, recipient=recipient, algorithm="CKM_RSA_AES_KEY_WRAP")


@pytest.mark.parametrize("custody", list(Custody))
def test_a_moved_key_works_in_its_new_place(hsm, vault_key, make, custody):
    key = make(custody, KeyType.EC, "P-256")
    what = dataclasses.replace(key.binding, vault="ef" * 16, name="other", version="12" * 16)
    other_vault = hsm.generate(binding(key_type=KeyType.OCT, parameter="256", name="vault-key", vault="ef" * 16))
    moved = hsm.move(key, what, vault_key=vault_key, to_vault_key=other_vault)
    signature = hsm.sign(moved, algorithm="ES256", digest=bytes(32), vault_key=other_vault)
    assert hsm.verify(key, algorithm="ES256", digest=bytes(32), signature=signature)
    for changed in (
        {"world": "elsewhere"},
        {"exportable": True},
        {"parameter": "P-384"},
        {"custody": Custody.SOFTWARE if custody is Custody.WRAPPED else Custody.WRAPPED},
    ):
        with pytest.raises(BadParameter):
            hsm.move(key, dataclasses.replace(what, **changed), vault_key=vault_key, to_vault_key=other_vault)
    with pytest.raises(BindingMismatch):
        hsm.move(dataclasses.replace(key, binding=what), what, vault_key=vault_key, to_vault_key=other_vault)


def test_a_software_key_does_not_move_without_the_right_vault_keys(hsm, vault_key, make):
    key = make(Custody.SOFTWARE, KeyType.EC, "P-256")
    what = dataclasses.replace(key.binding, vault="ef" * 16)
    for target in (None, vault_key):
        with pytest.raises(BadParameter):
            hsm.move(key, what, vault_key=vault_key, to_vault_key=target)
    swapped = dataclasses.replace(vault_key, blob=vault_key.blob[::-1])
    with pytest.raises((BindingMismatch, SealBroken)):
        hsm.move(key, what, vault_key=swapped, to_vault_key=vault_key)
