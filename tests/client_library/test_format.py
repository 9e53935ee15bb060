"""The format of ciphertexts: what comes back, what is refused, and the same bytes computed without the library."""

import io
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client_library.local_vaults import AMERICA, EUROPE, LocalVaults
from vaultportal_client.envelope import Envelope, split_header
from vaultportal_client.errors import EnvelopeError, MalformedCiphertext, TamperedCiphertext
from vaultportal_client.limits import Limits
from vaultportal_client.message import SEGMENT, DataKey
from vaultportal_client.secret_bytes import SecretBytes
from vaultportal_client.wire_format import PREFIX_BYTES, KeyCopy, encode_copies, parse_header

SECRET = bytes(range(32))
COVERED = encode_copies([KeyCopy("A256KW", f"{EUROPE}/v1", b"w" * 40)])
DATA_KEY = DataKey(SecretBytes(SECRET))
HEADER = COVERED + DATA_KEY.header_tag(COVERED)
CONTENTS = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 3 * SEGMENT - 5]).map(bytes),
)


def decrypt(data_key, ciphertext, context=b""):
    return data_key.decrypt(split_header(ciphertext)[1], context)


@settings(max_examples=60, deadline=None)
@given(content=CONTENTS, context=st.binary(max_size=100), number=st.integers(0, 2**32))
def test_content_comes_back_whole_and_as_a_stream(content, context, number):
    whole = DATA_KEY.encrypt(HEADER, number, content, context)
    streamed = b"".join(DATA_KEY.encrypt_stream(HEADER, number, io.BytesIO(content), context))
    assert len(whole) == len(streamed)
    for ciphertext in (whole, streamed):
        header, body = split_header(ciphertext)
        assert header == HEADER
        assert DATA_KEY.decrypt(body, context) == content
        assert b"".join(DATA_KEY.decrypt_stream(io.BytesIO(body), context)) == content


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=40), context=st.binary(max_size=10), other=st.binary(max_size=10))
def test_another_context_is_refused(content, context, other):
    ciphertext = DATA_KEY.encrypt(HEADER, 1, content, context)
    if other != context:
        with pytest.raises(TamperedCiphertext):
            decrypt(DATA_KEY, ciphertext, other)


def open_and_decrypt(vaults, envelope, ciphertext):
    header, body = split_header(ciphertext)
    return vaults.run(envelope.open(header)).decrypt(body, b"context")


def test_each_flipped_bit_is_refused():
    """Of header and body, with the vaults: whichever check finds it, nothing is decrypted."""
    vaults = LocalVaults(EUROPE, AMERICA)
    envelope = Envelope([EUROPE, AMERICA], limits=Limits(), minimum_copies=1, clock=time.monotonic)
    key = vaults.run(envelope.new_key())
    ciphertext = key.data_key.encrypt(key.header, 1, b"content", b"context")
    assert open_and_decrypt(vaults, envelope, ciphertext) == b"content"
    for position in range(len(ciphertext)):
        for bit in (1, 128):
            changed = bytearray(ciphertext)
            changed[position] ^= bit
            with pytest.raises(EnvelopeError):
                open_and_decrypt(vaults, envelope, bytes(changed))


def test_each_cut_is_refused():
    ciphertext = DATA_KEY.encrypt(HEADER, 1, bytes(2 * SEGMENT + 10), b"")
    sealed = SEGMENT + 16
    start = len(HEADER) + 56
    for end in [*range(start + 20), start + sealed, start + sealed + 1, start + 2 * sealed, len(ciphertext) - 1]:
        with pytest.raises((TamperedCiphertext, MalformedCiphertext)):
            decrypt(DATA_KEY, ciphertext[:end])


def test_exchanged_repeated_and_appended_segments_are_refused():
    ciphertext = DATA_KEY.encrypt(HEADER, 1, bytes(3 * SEGMENT), b"")
    start, sealed = len(HEADER) + 56, SEGMENT + 16
    head, parts = ciphertext[:start], [ciphertext[start + n * sealed : start + (n + 1) * sealed] for n in range(3)]
    for order in ((1, 0, 2), (0, 0, 2), (0, 2), (2,), (0, 1, 2, 2), (0, 1, 1, 2)):
        with pytest.raises(TamperedCiphertext):
            decrypt(DATA_KEY, head + b"".join(parts[number] for number in order))


def test_an_empty_last_segment_is_no_second_form_of_a_message():
    ciphertext = DATA_KEY.encrypt(HEADER, 1, bytes(SEGMENT), b"")
    start = len(HEADER) + 56
    cipher, _ = DATA_KEY._message_keys(ciphertext[len(HEADER) : len(HEADER) + 24], b"")
    first = cipher.encrypt(bytes(12), bytes(SEGMENT), None)
    last = cipher.encrypt((1).to_bytes(11, "big") + b"\x01", b"", None)
    with pytest.raises(TamperedCiphertext):
        decrypt(DATA_KEY, ciphertext[:start] + first + last)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda rest: b"VPE\x01" + rest)))
def test_foreign_bytes_are_malformed_and_nothing_else(foreign):
    with pytest.raises(MalformedCiphertext):
        parse_header(split_header(foreign)[0])


@pytest.mark.parametrize(
    "key_id",
    [
        *("http://europe.test/keys/documents/v1", "https://user@europe.test/keys/documents/v1", EUROPE),
        *(
            "https://europe.test/keys/documents/v1?a=b",
            "https://europe.test/secrets/documents/v1",
            "file:///etc/passwd",
        ),
        *("https://europe.test/keys/../v1", "https://europe.test#/keys/documents/v1", "https:///keys/documents/v1"),
    ],
)
def test_what_names_no_key_version_is_malformed(key_id):
    covered = encode_copies([KeyCopy("A256KW", key_id, b"w" * 40)])
    with pytest.raises(MalformedCiphertext):
        parse_header(covered + DATA_KEY.header_tag(covered))


def test_another_format_version_says_what_to_do():
    with pytest.raises(MalformedCiphertext, match="Update vaultportal-client"):
        split_header(b"VPE\x02" + HEADER[4:])


def derived_by_cryptography(label, context, length):
    """NIST SP 800-108r1, section 4.1."""
    before = CounterLocation.BeforeFixed
    kdf = KBKDFHMAC(hashes.SHA512(), Mode.CounterMode, length, 4, 4, before, label=label, context=context, fixed=None)
    return kdf.derive(SECRET)


def test_the_format_is_what_decision_0040_says():
    """The same bytes from `cryptography` alone."""
    content, context = b"content", b"context"
    ciphertext = DATA_KEY.encrypt(HEADER, 7, content, context)
    assert HEADER[:PREFIX_BYTES] == b"VPE\x01" + (len(COVERED) - PREFIX_BYTES).to_bytes(2, "big")
    key_id = f"{EUROPE}/v1".encode()
    assert COVERED[6:] == b"\x02" + len(key_id).to_bytes(2, "big") + key_id + b"\x00\x28" + b"w" * 40
    tag = derived_by_cryptography(b"vaultportal-client 1 header", COVERED, 32)
    assert COVERED + tag == HEADER
    message_id, commitment, sealed = ciphertext[len(HEADER) :][:24], ciphertext[len(HEADER) :][24:56], ciphertext[-23:]
    assert message_id[16:] == (7).to_bytes(8, "big")
    derived = derived_by_cryptography(b"vaultportal-client 1 message", message_id + context, 64)
    assert derived[32:] == commitment
    assert AESGCM(derived[:32]).decrypt(bytes(11) + b"\x01", sealed, None) == content


def test_a_ciphertext_commits_to_its_data_key():
    """Without the commitment, AES-GCM lets who makes a ciphertext choose two keys under which it decrypts."""
    ciphertext = DATA_KEY.encrypt(HEADER, 1, b"content", b"")
    with pytest.raises(TamperedCiphertext):
        decrypt(DataKey(SecretBytes(bytes(32))), ciphertext)
    header = parse_header(HEADER)
    with pytest.raises(TamperedCiphertext):
        DataKey(SecretBytes(bytes(32))).verify_header(header.covered, header.tag)


def test_messages_of_one_number_differ():
    """A process that was copied with its data key counts twice; the random part of the id tells the messages apart."""
    first, second = (DATA_KEY.encrypt(HEADER, 1, b"same", b"") for _ in range(2))
    assert first[len(HEADER) :][:16] != second[len(HEADER) :][:16]
    assert first[-20:] != second[-20:]
