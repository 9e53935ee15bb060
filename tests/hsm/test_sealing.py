"""Values sealed by a vault key."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from apps.hsm import envelope
from apps.hsm.errors import SealBroken
from apps.hsm.types import KeyType
from tests.hsm.conftest import binding
from tests.support.imported_keys import adopt_secret


@pytest.mark.parametrize("length", [0, 1, 1_000, 25_600, 200_000])
def test_what_was_sealed_opens(hsm, vault_key, length):
    plaintext = os.urandom(length)
    sealed = hsm.seal(vault_key, context=b"place", plaintext=plaintext)
    assert plaintext not in sealed or length < 2
    assert hsm.unseal(vault_key, context=b"place", sealed=sealed) == plaintext


def test_a_nonce_is_never_used_twice(hsm, vault_key):
    nonces = {envelope.split(hsm.seal(vault_key, context=b"", plaintext=b""))[0] for _ in range(3_000)}
    assert len(nonces) == 3_000


def test_another_place_or_key_or_bit_does_not_open(hsm, vault_key):
    sealed = hsm.seal(vault_key, context=b"place", plaintext=b"value")
    with pytest.raises(SealBroken):
        hsm.unseal(vault_key, context=b"elsewhere", sealed=sealed)
    other = hsm.generate(binding(key_type=KeyType.OCT, parameter="256", name="other", operations=("seal",)))
    with pytest.raises(SealBroken):
        hsm.unseal(other, context=b"place", sealed=sealed)
    for position in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(SealBroken):
            hsm.unseal(vault_key, context=b"place", sealed=bytes(flipped))


@given(st.binary(max_size=60))
def test_bytes_that_are_not_ours_are_one_error(data):
    try:
        nonce, ciphertext = envelope.split(data)
    except SealBroken:
        return
    assert len(nonce) == 12
    assert len(ciphertext) >= 16


@given(context=st.binary(max_size=100), plaintext=st.binary(max_size=300))
def test_any_value_in_any_place_opens(hsm, vault_key, context, plaintext):
    sealed = hsm.seal(vault_key, context=context, plaintext=plaintext)
    assert len(sealed) == 29 + len(plaintext)
    assert hsm.unseal(vault_key, context=context, sealed=sealed) == plaintext


def test_a_value_that_cryptography_sealed_in_our_format_opens(hsm, own_aes):
    """The format is AES-256-GCM as everybody has it (NIST SP 800-38D)."""
    vault_key, key = own_aes
    nonce = os.urandom(12)
    sealed = b"\x01" + nonce + AESGCM(key).encrypt(nonce, b"value", b"place")
    assert hsm.unseal(vault_key, context=b"place", sealed=sealed) == b"value"
    ours = hsm.seal(vault_key, context=b"place", plaintext=b"value")
    assert AESGCM(key).decrypt(*envelope.split(ours), b"place") == b"value"


@pytest.fixture
def own_aes(hsm):
    key = os.urandom(32)
    return adopt_secret(hsm, binding(key_type=KeyType.OCT, parameter="256", name="known"), key), key
