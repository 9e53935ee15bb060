"""OAEP and PKCS#1 v1.5 for modules that do only the raw RSA permutation (SoftHSM with SHA-256, security.md 2).

Manger's attack (CRYPTO 2001) needs to tell a wrong first byte from a wrong hash or a missing separator. So everything
is unmasked first, every fault is ORed into one number, and there is one branch, at the end. Python cannot promise
constant time; what it can do is the same work for every input.
"""

import hashlib
import hmac

from apps.hsm.errors import BadCiphertext


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
    fault = block[0] | (not hmac.compare_digest(data[:size], label_hash))
    start, looking = 0, 1
    for index in range(size, len(data)):  # every byte is looked at, wherever the separator stands
        byte = data[index]
        is_one = (byte ^ 1) == 0
        is_zero = byte == 0
        start += (index + 1) * (looking & is_one)
        fault |= looking & (not is_one) & (not is_zero)
        looking &= not is_one
    fault |= looking
    if fault:
        raise BadCiphertext
    return data[start:]


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))
