"""The binary format of ciphertexts, version 1. The layout is in docs/decisions/0040-client-library.md.

    header   "VPE" 0x01 | u16 length of the copies | copies | tag (32)
    copy     u8 algorithm | u16 length | key identifier with version (ASCII) | u16 length | wrapped data key
    message  id (24) | commitment (32) | segments

Integers are big-endian. The tag covers everything before it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from vaultportal_client.errors import MalformedCiphertext
from vaultportal_client.key_reference import split_key_id

MAGIC = b"VPE"
VERSION = 1
TAG_BYTES, ID_BYTES, COMMITMENT_BYTES = 32, 24, 32
PREFIX_BYTES = len(MAGIC) + 1 + 2
MOST_COPIES, MOST_COPY_BYTES = 16, 2**16 - 1
LARGEST_HEADER = PREFIX_BYTES + MOST_COPY_BYTES + TAG_BYTES
ALGORITHMS = {1: "RSA-OAEP-256", 2: "A256KW"}  # wrapping: RFC 7518 sections 4.3 and 4.4
_CODES = {name: code for code, name in ALGORITHMS.items()}


class KeyCopy(NamedTuple):
    """A data key, wrapped by one version of one key. `key_id`: the identifier with the version."""

    algorithm: str
    key_id: str
    wrapped: bytes


class Header(NamedTuple):
    """A parsed header. `covered`: the bytes that the tag authenticates."""

    copies: tuple[KeyCopy, ...]
    covered: bytes
    tag: bytes


def encode_copies(copies: Sequence[KeyCopy]) -> bytes:
    """Build the header without its tag."""
    encoded = b"".join(map(_encode_copy, copies))
    if not 0 < len(copies) <= MOST_COPIES or len(encoded) > MOST_COPY_BYTES:
        raise ValueError(f"A header has between 1 and {MOST_COPIES} copies.")
    return MAGIC + bytes([VERSION]) + len(encoded).to_bytes(2, "big") + encoded


def header_length(prefix: bytes) -> int:
    """Return the length of the header from its first `PREFIX_BYTES` bytes. Raises `MalformedCiphertext`."""
    if len(prefix) < PREFIX_BYTES or prefix[: len(MAGIC)] != MAGIC:
        raise MalformedCiphertext("The bytes are not a ciphertext of vaultportal-client.")
    if prefix[len(MAGIC)] != VERSION:
        raise MalformedCiphertext("The ciphertext has another format version. Update vaultportal-client.")
    return PREFIX_BYTES + int.from_bytes(prefix[4:PREFIX_BYTES], "big") + TAG_BYTES


def parse_header(header: bytes) -> Header:
    """Read a whole header. Nothing of it is authenticated yet. Raises `MalformedCiphertext`."""
    if len(header) != header_length(header):
        raise MalformedCiphertext("The header is cut.")
    covered, tag = header[:-TAG_BYTES], header[-TAG_BYTES:]
    copies: list[KeyCopy] = []
    rest = covered[PREFIX_BYTES:]
    while rest and len(copies) <= MOST_COPIES:  # no more: a header may have come from anywhere
        copy, rest = _parse_copy(rest)
        copies.append(copy)
    if not 0 < len(copies) <= MOST_COPIES:
        raise MalformedCiphertext("The header has no copy of the data key, or too many.")
    return Header(tuple(copies), covered, tag)


def _encode_copy(copy: KeyCopy) -> bytes:
    key_id = copy.key_id.encode("ascii")
    lengths = len(key_id).to_bytes(2, "big"), len(copy.wrapped).to_bytes(2, "big")
    return b"".join((bytes([_CODES[copy.algorithm]]), lengths[0], key_id, lengths[1], copy.wrapped))


def _parse_copy(encoded: bytes) -> tuple[KeyCopy, bytes]:
    algorithm = ALGORITHMS.get(encoded[0])
    key_id, rest = _take(encoded[1:])
    wrapped, rest = _take(rest)
    if algorithm is None:
        raise MalformedCiphertext("The header names an unknown algorithm.")
    try:
        text = key_id.decode("ascii")
        _, version = split_key_id(text)
    except ValueError:
        version = ""
    if not version:
        raise MalformedCiphertext("The header names a key that has no valid identifier with a version.")
    return KeyCopy(algorithm, text, wrapped), rest


def _take(encoded: bytes) -> tuple[bytes, bytes]:
    """A value with its length in front, and what follows it."""
    end = 2 + int.from_bytes(encoded[:2], "big")
    if len(encoded) < end or end == 2:
        raise MalformedCiphertext("A length in the header is wrong.")
    return encoded[2:end], encoded[end:]
