"""What the boundary promises of keys, on both custodies."""

import dataclasses
import hashlib
import os

import pytest

from apps.hsm.algorithms import ENCRYPTING, SIGNING
from apps.hsm.errors import (
    BadCiphertext,
    BadParameter,
    BindingMismatch,
    MasterMissing,
    SealBroken,
    UnsupportedAlgorithm,
)
from apps.hsm.types import Custody, KeyType, StoredKey
from tests.hsm.conftest import binding

CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "P-256K": "ES256K"}


@pytest.fixture(params=list(Custody))
def custody(request):
    return request.param


@pytest.mark.parametrize("curve", CURVES)
def test_ec_signatures_are_raw_and_verify(hsm, make, vault_key, custody, curve):
    key, row = make(custody, KeyType.EC, curve), SIGNING[CURVES[curve]]
    digest = os.urandom(row.digest.digest_size)
    signature = hsm.sign(key, algorithm=CURVES[curve], digest=digest, vault_key=vault_key)
    assert len(signature) == {"P-256": 64, "P-384": 96, "P-521": 132, "P-256K": 64}[curve]
    assert hsm.verify(key, algorithm=CURVES[curve], digest=digest, signature=signature)
    assert not hsm.verify(key, algorithm=CURVES[curve], digest=digest, signature=bytes(len(signature)))
    assert not hsm.verify(key, algorithm=CURVES[curve], digest=digest, signature=signature[1:])
    half = len(signature) // 2
    longer = signature[:half] + b"\0" + signature[half:]
    assert not hsm.verify(key, algorithm=CURVES[curve], digest=digest, signature=longer), "the same numbers, longer"


@pytest.mark.parametrize(("algorithm", "longest"), [("RSA1_5", 245), ("RSA-OAEP", 214), ("RSA-OAEP-256", 190)])
def test_a_plaintext_fits_one_block(hsm, make, vault_key, custody, algorithm, longest):
    key = make(custody, KeyType.RSA, "2048")
    ciphertext = hsm.encrypt(key, algorithm=algorithm, plaintext=b"x" * longest).ciphertext
    assert hsm.decrypt(key, algorithm=algorithm, ciphertext=ciphertext, vault_key=vault_key) == b"x" * longest
    with pytest.raises(BadParameter):
        hsm.encrypt(key, algorithm=algorithm, plaintext=b"x" * (longest + 1))


def test_bad_pkcs1_padding_gives_the_same_random_bytes_at_every_try(hsm, make, vault_key, custody):
    key = make(custody, KeyType.RSA, "2048")
    rebound = hsm.rebind(key, operations=("decrypt",))
    answers = [
        hsm.decrypt(asked, algorithm="RSA1_5", ciphertext=number.to_bytes(256), vault_key=vault_key)
        for number in range(7, 57)
        for asked in (key, key, rebound)
    ]
    assert all(len(set(answers[at : at + 3])) == 1 for at in range(0, 150, 3)), "the answer depends on the try"
    assert len({len(answer) for answer in answers}) > 20, "the lengths are not spread"
    assert max(map(len, answers)) <= 245


def test_a_ciphertext_beyond_the_modulus_is_the_one_error(hsm, make, vault_key, custody):
    """Public knowledge, so RSA1_5 may say so too."""
    key = make(custody, KeyType.RSA, "2048")
    for algorithm in ENCRYPTING:
        with pytest.raises(BadCiphertext) as caught:
            hsm.decrypt(key, algorithm=algorithm, ciphertext=b"\xff" * 256, vault_key=vault_key)
        assert repr(caught.value) == "BadCiphertext()"


@pytest.mark.parametrize("length", [0, 1, 255, 257, 512])
@pytest.mark.parametrize("algorithm", ENCRYPTING)
def test_a_ciphertext_of_another_length_is_refused_before_the_hsm(hsm, make, vault_key, custody, algorithm, length):
    with pytest.raises(BadParameter):
        hsm.decrypt(
            make(custody, KeyType.RSA, "2048"), algorithm=algorithm, ciphertext=bytes(length), vault_key=vault_key
        )


@pytest.mark.parametrize("algorithm", ["none", "", "RS1", "ES256", "RSA-OAEP", "HS256", "\ud800"])
def test_an_algorithm_that_does_not_fit_is_refused(hsm, make, vault_key, algorithm):
    with pytest.raises(UnsupportedAlgorithm):
        hsm.sign(make(Custody.WRAPPED, KeyType.RSA, "2048"), algorithm=algorithm, digest=bytes(32))
    with pytest.raises(UnsupportedAlgorithm):
        hsm.sign(make(Custody.WRAPPED, KeyType.EC, "P-384"), algorithm="ES256", digest=bytes(32))
    with pytest.raises(UnsupportedAlgorithm):
        hsm.encrypt(make(Custody.WRAPPED, KeyType.EC, "P-384"), algorithm="RSA-OAEP", plaintext=b"")


@pytest.mark.parametrize("length", [0, 20, 31, 33, 64])
def test_a_digest_of_another_length_is_refused_before_the_hsm(hsm, make, vault_key, custody, length):
    with pytest.raises(BadParameter):
        hsm.sign(make(custody, KeyType.RSA, "2048"), algorithm="PS256", digest=bytes(length), vault_key=vault_key)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(binding()) if field.init])
def test_a_changed_binding_is_refused(hsm, make, vault_key, custody, field):
    key = make(custody, KeyType.RSA, "2048")
    old = getattr(key.binding, field)
    new = {
        "world": "other",
        "generation": 2,
        "custody": Custody.WRAPPED if custody is Custody.SOFTWARE else Custody.SOFTWARE,
        "key_type": KeyType.EC,
        "parameter": "3072",
        "operations": ("sign",),
        "exportable": True,
        "restored": True,
    }.get(field, f"{old}x" if isinstance(old, str) else None)
    forged = dataclasses.replace(key, binding=dataclasses.replace(key.binding, **{field: new}))
    with pytest.raises((BindingMismatch, MasterMissing, UnsupportedAlgorithm)):
        hsm.sign(forged, algorithm="RS256", digest=bytes(32), vault_key=vault_key)
    with pytest.raises((BindingMismatch, MasterMissing, UnsupportedAlgorithm, BadParameter)):
        hsm.decrypt(forged, algorithm="RSA-OAEP", ciphertext=bytes(256), vault_key=vault_key)


@pytest.mark.parametrize("field", ["blob", "mac", "public_key"])
def test_every_flipped_bit_of_a_row_is_refused(hsm, make, vault_key, custody, field):
    key = make(custody, KeyType.EC, "P-256")
    data = getattr(key, field)
    for position in range(0, len(data) * 8, 7):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        forged = dataclasses.replace(key, **{field: bytes(flipped)})
        with pytest.raises(BindingMismatch):
            hsm.sign(forged, algorithm="ES256", digest=bytes(32), vault_key=vault_key)
        with pytest.raises(BindingMismatch):
            hsm.verify(forged, algorithm="ES256", digest=bytes(32), signature=bytes(64))


def test_two_rows_cannot_swap_their_blobs(hsm, make, vault_key, custody):
    one = make(custody, KeyType.EC, "P-256")
    other = hsm.generate(dataclasses.replace(one.binding, version="ef" * 16), vault_key=vault_key)
    for swapped in (
        StoredKey(one.binding, one.public_key, other.blob, other.mac),
        StoredKey(one.binding, one.public_key, other.blob, one.mac),
        StoredKey(one.binding, other.public_key, other.blob, other.mac),
    ):
        with pytest.raises(BindingMismatch):
            hsm.sign(swapped, algorithm="ES256", digest=bytes(32), vault_key=vault_key)


def test_rebinding_changes_the_operations_and_nothing_else(hsm, make, vault_key, custody):
    key = make(custody, KeyType.EC, "P-256")
    signature = hsm.sign(key, algorithm="ES256", digest=bytes(32), vault_key=vault_key)
    bound = hsm.rebind(key, operations=("verify",))
    assert bound.binding == dataclasses.replace(key.binding, operations=("verify",))
    assert (bound.blob, bound.public_key) == (key.blob, key.public_key)
    assert hsm.verify(bound, algorithm="ES256", digest=bytes(32), signature=signature)
    with pytest.raises(BindingMismatch):
        hsm.sign(bound, algorithm="ES256", digest=bytes(32), vault_key=vault_key)
    back = hsm.rebind(bound, operations=key.binding.operations)
    assert hsm.sign(back, algorithm="ES256", digest=bytes(32), vault_key=vault_key)
    with pytest.raises(BindingMismatch):
        hsm.rebind(dataclasses.replace(key, mac=bytes(32)), operations=("verify",))


USES = {
    "sign": lambda hsm, key, **more: hsm.sign(key, algorithm="RS256", digest=bytes(32), **more),
    "verify": lambda hsm, key, **_: hsm.verify(key, algorithm="RS256", digest=bytes(32), signature=b""),
    "encrypt": lambda hsm, key, **_: hsm.encrypt(key, algorithm="RSA-OAEP", plaintext=b""),
    "decrypt": lambda hsm, key, **more: hsm.decrypt(key, algorithm="RSA1_5", ciphertext=bytes(256), **more),
    "seal": lambda hsm, key, **_: hsm.seal(key, context=b"", plaintext=b""),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("operation", ["sign", "verify", "encrypt", "wrapKey", "decrypt", "unwrapKey", "import", "sig"])
def test_a_key_does_what_it_is_bound_to_and_nothing_else(hsm, make, vault_key, custody, use, operation):
    key = hsm.rebind(make(custody, KeyType.RSA, "2048"), operations=(operation,))
    permitted = {"encrypt": ("encrypt", "wrapKey"), "decrypt": ("decrypt", "unwrapKey")}.get(use, (use,))
    more = {"vault_key": vault_key}
    if operation in permitted:
        USES[use](hsm, key, **more)
    else:
        with pytest.raises(BindingMismatch):
            USES[use](hsm, key, **more)


def test_operations_written_into_the_row_are_refused(hsm, make, vault_key, custody):
    key = hsm.rebind(make(custody, KeyType.RSA, "2048"), operations=("verify",))
    for forged in (("sign", "verify"), ("verify", "sign"), ("verify,sign",), ("sign",), (), ("\ud800",)):
        row = dataclasses.replace(key, binding=dataclasses.replace(key.binding, operations=forged))
        with pytest.raises(BindingMismatch):
            hsm.verify(row, algorithm="RS256", digest=bytes(32), signature=b"")


def test_a_software_key_needs_the_key_of_its_own_vault(hsm, make, vault_key):
    key = make(Custody.SOFTWARE, KeyType.EC, "P-256")
    elsewhere = hsm.generate(dataclasses.replace(vault_key.binding, vault="ef" * 16))
    same_vault = hsm.generate(vault_key.binding)
    for wrong, error in ((None, BadParameter), (elsewhere, BadParameter), (same_vault, SealBroken)):
        with pytest.raises(error):
            hsm.sign(key, algorithm="ES256", digest=bytes(32), vault_key=wrong)
    with pytest.raises(BadParameter):
        hsm.generate(key.binding, vault_key=elsewhere)


@pytest.mark.parametrize("text", ["\ud800", "\x00", "é😀", "a" * 100_000, "'; DROP TABLE", "%s%n"])
def test_no_text_of_a_user_reaches_the_module(hsm, vault_key, text):
    key = hsm.generate(
        binding(key_type=KeyType.EC, parameter="P-256", name=text, vault=text, version=text), vault_key=vault_key
    )
    assert hsm.sign(key, algorithm="ES256", digest=hashlib.sha256(b"").digest())


@pytest.mark.parametrize("parameter", ["1024", "0", "-1", "P-192", "", "2049", "x"])
@pytest.mark.parametrize("key_type", list(KeyType))
def test_a_size_or_curve_outside_the_contract_is_not_made(hsm, vault_key, custody, key_type, parameter):
    with pytest.raises(BadParameter):
        hsm.generate(binding(custody, key_type, parameter), vault_key=vault_key)


def test_a_repr_shows_no_key_material(make):
    key = make(Custody.SOFTWARE, KeyType.EC, "P-256")
    assert key.blob.hex() not in repr(key) and str(key.blob) not in repr(key)
    assert str(key.mac) not in repr(key)
