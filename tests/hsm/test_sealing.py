"""Values sealed by a vault key."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.hsm import envelope
from apps.hsm.errors import SealBroken
from apps.hsm.rsa_padding import mgf1, oaep_decode
from apps.hsm.types import KeyType
from tests.hsm.conftest import binding


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


@given(st.binary(min_size=256, max_size=256))
def test_oaep_decoding_of_noise_is_one_error(block):
    from apps.hsm.errors import BadCiphertext

    with pytest.raises(BadCiphertext) as caught:
        oaep_decode(block, digest="sha256")
    assert caught.value.args == ()


@given(st.binary(max_size=190), st.binary(min_size=32, max_size=32))
def test_oaep_decoding_undoes_oaep_encoding(message, seed):
    import hashlib

    data = hashlib.sha256().digest() + bytes(256 - len(message) - 66) + b"\x01" + message
    masked_data = bytes(a ^ b for a, b in zip(data, mgf1(seed, len(data), digest="sha256"), strict=True))
    masked_seed = bytes(a ^ b for a, b in zip(seed, mgf1(masked_data, 32, digest="sha256"), strict=True))
    assert oaep_decode(b"\0" + masked_seed + masked_data, digest="sha256") == message
