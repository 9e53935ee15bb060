"""The paddings that are taken off outside the module: every fault gives one answer."""

import hashlib
import os

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from apps.hsm.errors import BadCiphertext
from apps.hsm.rsa_padding import _first, mgf1, oaep_decode, pkcs1_decode

LABEL_HASH = hashlib.sha256().digest()
SIZE = 256
DATA = SIZE - 33  # bytes of a block that carry hash, zeros, separator and message

secrets = st.binary(min_size=32, max_size=32)
messages = st.binary(max_size=190)


def xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def masked(data, seed, first=0):
    """EME-OAEP (RFC 8017 section 7.1.1) from the data block on, so that each part can be wrong by itself."""
    masked_data = xor(data, mgf1(seed, len(data), digest="sha256"))
    masked_seed = xor(seed, mgf1(masked_data, 32, digest="sha256"))
    return bytes([first]) + masked_seed + masked_data


def data_block(message):
    return LABEL_HASH + bytes(DATA - 33 - len(message)) + b"\x01" + message


def refusal(block):
    with pytest.raises(BadCiphertext) as caught:
        oaep_decode(block, digest="sha256")
    return repr(caught.value), caught.value.__cause__, caught.value.__context__


ONE_ANSWER = ("BadCiphertext()", None, None)


@given(messages, secrets)
def test_oaep_decoding_undoes_oaep_encoding(message, seed):
    assert oaep_decode(masked(data_block(message), seed), digest="sha256") == message


@given(messages, secrets, st.integers(1, 255))
def test_a_wrong_first_byte_is_the_one_answer(message, seed, first):
    assert refusal(masked(data_block(message), seed, first=first)) == ONE_ANSWER


@given(messages, secrets, st.integers(0, 31), st.integers(1, 255))
def test_a_wrong_label_hash_is_the_one_answer(message, seed, position, change):
    data = bytearray(data_block(message))
    data[position] ^= change
    assert refusal(masked(bytes(data), seed)) == ONE_ANSWER


@given(secrets)
def test_a_missing_separator_is_the_one_answer(seed):
    assert refusal(masked(LABEL_HASH + bytes(DATA - 32), seed)) == ONE_ANSWER


@given(st.binary(max_size=150), secrets, st.integers(0, 30), st.integers(2, 255))
def test_another_byte_before_the_separator_is_the_one_answer(message, seed, position, byte):
    data = bytearray(data_block(message))
    data[32 + position] = byte
    assert refusal(masked(bytes(data), seed)) == ONE_ANSWER


@given(st.binary(min_size=SIZE, max_size=SIZE))
def test_noise_is_the_one_answer(block):
    assert refusal(block) == ONE_ANSWER


@given(st.integers(0, 512), st.binary(max_size=512), st.booleans())
def test_the_first_byte_of_a_kind_is_found_whatever_the_bytes(run, tail, zero):
    data = bytes([0xFF if zero else 0]) * run + tail
    expected = next((index for index, byte in enumerate(data) if (byte == 0) is zero), len(data))
    assert _first(data, zero=zero) == expected


@pytest.mark.parametrize(("digest", "longest"), [("sha1", 214), ("sha256", 190)])
def test_oaep_decoding_reads_what_cryptography_wrote(digest, longest):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    algorithm = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}[digest]
    scheme = padding.OAEP(padding.MGF1(algorithm), algorithm=algorithm, label=None)
    for message in (b"", b"\x01", b"\x00" * 5, os.urandom(longest)):
        block = permuted(private, private.public_key().encrypt(message, scheme))
        assert oaep_decode(block, digest=digest) == message


def permuted(private, ciphertext):
    numbers = private.private_numbers()
    return pow(int.from_bytes(ciphertext), numbers.d, numbers.public_numbers.n).to_bytes(len(ciphertext))


@given(st.binary(max_size=245), secrets, st.randoms())
def test_pkcs1_decoding_undoes_pkcs1_encoding(message, secret, random):
    filling = bytes(random.randint(1, 255) for _ in range(SIZE - 3 - len(message)))
    assert pkcs1_decode(b"\x00\x02" + filling + b"\x00" + message, secret=secret) == message


GOOD = b"\x00\x02" + b"\xaa" * 8 + b"\x00"


@pytest.mark.parametrize(
    "head",
    [
        b"\x01" + GOOD[1:],
        b"\x00\x01" + GOOD[2:],
        b"\x00\x00" + GOOD[2:],
        b"\x00\x02\x00" + GOOD[3:],
        b"\x00\x02" + b"\xaa" * 7 + b"\x00",  # seven bytes of padding
        b"\x00\x02" + b"\xaa" * 9,  # no separator at all
    ],
    ids=bytes.hex,
)
def test_a_block_that_is_no_pkcs1_gives_what_the_secret_gives(head):
    block = head + b"\x55" * (SIZE - len(head))
    answer = pkcs1_decode(block, secret=b"s" * 32)
    assert answer == pkcs1_decode(bytes(SIZE), secret=b"s" * 32), "the answer depends on the block"
    assert answer != pkcs1_decode(block, secret=b"t" * 32)
    assert answer not in block


@given(secrets)
def test_a_stand_in_is_as_long_as_a_plaintext_can_be(secret):
    assert len(pkcs1_decode(bytes(SIZE), secret=secret)) <= 245


def test_stand_ins_have_every_length_alike():
    lengths = [len(pkcs1_decode(bytes(128), secret=number.to_bytes(32))) for number in range(11_800)]
    assert set(lengths) == set(range(118)), "lengths 0 to 117 fit a block of 128 bytes"
    assert max(lengths.count(length) for length in range(118)) < 160  # 100 expected; 160 is six standard deviations
