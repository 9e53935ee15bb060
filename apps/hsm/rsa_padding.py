"""OAEP and PKCS#1 v1.5 decoding over the raw RSA permutation (docs/reference/pkcs11-facts.md sections 9 and 11).

Manger's attack (CRYPTO 2001) needs to tell a wrong first byte from a wrong hash or a missing separator,
Bleichenbacher's (CRYPTO 1998) good padding from bad. So every byte is looked at for every input, all faults are ORed
into one number, and there is one branch, at the end. Python cannot promise constant time; what it can do is the same
work for every input.
"""

import hashlib
import hmac

from apps.hsm.errors import BadCiphertext

_PKCS1_START = 11  # RFC 8017 section 7.2.1: 0x00, 0x02, at least eight bytes of padding, 0x00


def mgf1(seed: bytes, length: int, *, digest: str) -> bytes:
    """RFC 8017 appendix B.2.1."""
    size = hashlib.new(digest).digest_size
    blocks = (hashlib.new(digest, seed + counter.to_bytes(4)).digest() for counter in range(-(-length // size)))
    return b"".join(blocks)[:length]


def oaep_decode(block: bytes, *, digest: str) -> bytes:
    """EME-OAEP decoding with an empty label (RFC 8017 section 7.1.2, step 3). Raises `BadCiphertext`, always the same.

    `block` is the whole output of the RSA permutation: as many bytes as the modulus, leading zero included.
    """
    label_hash = hashlib.new(digest).digest()
    size = len(label_hash)
    masked_seed, masked_data = block[1 : 1 + size], block[1 + size :]
    seed = _xor(masked_seed, mgf1(masked_data, size, digest=digest))
    data = _xor(masked_data, mgf1(seed, len(masked_data), digest=digest))
    rest = data[size:]
    separator = _first(rest, zero=False)
    fault = block[0] | (not hmac.compare_digest(data[:size], label_hash)) | ((rest + b"\0")[separator] ^ 1)
    if fault:
        raise BadCiphertext
    return rest[separator + 1 :]


def pkcs1_decode(block: bytes, *, secret: bytes) -> bytes:
    """EME-PKCS1-v1_5 decoding (RFC 8017 section 7.2.2, step 3) with implicit rejection; it never fails.

    Bad padding gives a plaintext whose length and bytes come from `secret`, which only the HSM can make for this key
    and ciphertext: the same at every try, and random to everybody else (draft-irtf-cfrg-rsa-guidance).
    """
    stand_in = _substitute_message(secret, block_size=len(block))
    separator = 2 + _first(block[2:], zero=True)
    fault = block[0] | (block[1] ^ 2) | (separator + 1 < _PKCS1_START) | (separator == len(block))
    bad = int(fault != 0)
    start = (separator + 1, len(block) - len(stand_in))[bad]
    return (block, stand_in.rjust(len(block), b"\0"))[bad][start:]


def _first(data: bytes, *, zero: bool) -> int:
    """Find the first byte that is zero, or is not; the length of `data` when there is none.

    All bytes at once, as lanes of one number: Python's steps over one byte take longer or shorter by its value, which
    showed (`benchmarks/oracles.py`). Two lanes behind the data are found always, so that no number is shorter than
    another.
    """
    lanes = len(data) + 2
    ones = int.from_bytes(b"\1" * lanes)
    sevens = ones * 0x7F
    number = int.from_bytes(data + b"\1\1", "little")
    found = ((((number & sevens) + sevens) | number) >> 7) & ones  # 1 in each lane that is not zero
    found ^= (ones >> 16) * zero
    for step in range((lanes - 1).bit_length()):  # each lane takes over what any before it has
        found |= found << (8 << step)
    return lanes - (found & ones).bit_count()


def _substitute_message(secret: bytes, *, block_size: int) -> bytes:
    """Every length that a plaintext can have is as likely as any other: 256 bits modulo at most 502 leave no bias."""
    length = int.from_bytes(_prf(secret, b"length")) % (block_size - _PKCS1_START + 1)
    blocks = (_prf(secret, b"message" + counter.to_bytes(4)) for counter in range(-(-block_size // 32)))
    return b"".join(blocks)[:length]


def _prf(secret: bytes, data: bytes) -> bytes:
    return hmac.digest(secret, data, "sha256")


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))
