"""Hybrid encryption, of ML-KEM-768 and what there was before: breaking one of the two does not suffice.

Backups: `combine` derives a key from both secrets, concatenated with fixed lengths, by HKDF-SHA256 (RFC 5869; NIST
SP 800-56C section 2 allows such a hybrid).

BYOK files: a transfer for the RSA key is encrypted once more, under a key from ML-KEM alone. Both layers have to be
opened. A key from both secrets would have to be made outside the HSM, and with it the imported key would be in the
reach of the worker; this way the HSM opens the inner layer, as without ML-KEM (docs/decisions/0034-key-types.md).
"""

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from apps.hsm import public_keys
from apps.hsm.errors import BadCiphertext

ALGORITHM = "ML-KEM-768"
CIPHERTEXT_BYTES = 1088  # FIPS 203 table 3
SECRET_BYTES = 32
TRANSFER_OVERHEAD = CIPHERTEXT_BYTES + 16  # bytes that a transfer grows by: the encapsulated key and the tag of GCM
_LABEL, _TRANSFER = b"vault-portal/hybrid/1", b"vault-portal/byok/1"
_ONE_USE = bytes(12)  # the nonce: each key encrypts one transfer


def combine(*, post_quantum: bytes, classical: bytes, context: bytes) -> bytes:
    """Return the key of 32 bytes. `post_quantum`: the shared secret of ML-KEM; `classical`: the other one, 32 bytes.

    `context`: what the key is for; it begins with a text of the caller that no other use has. Raises `ValueError`.
    """
    if (len(post_quantum), len(classical)) != (SECRET_BYTES, SECRET_BYTES):
        raise ValueError("both secrets have 32 bytes")
    return _derive(post_quantum + classical, _LABEL + context)


def seal_transfer(transfer: bytes, *, exchange_key: bytes, recipient: bytes) -> bytes:
    """Encrypt a transfer for the RSA key `recipient` once more, to the ML-KEM key `exchange_key` (both SPKI)."""
    encapsulated, secret = public_keys.encapsulate(public_keys.load(exchange_key))
    key = _transfer_key(secret, encapsulated, recipient)
    return encapsulated + AESGCM(key).encrypt(_ONE_USE, transfer, None)


def open_transfer(sealed: bytes, *, secret: bytes, recipient: bytes) -> bytes:
    """Open the outer layer with the secret that `sealed` begins with, encapsulated. Raises `BadCiphertext`."""
    encapsulated, ciphertext = sealed[:CIPHERTEXT_BYTES], sealed[CIPHERTEXT_BYTES:]
    try:
        return AESGCM(_transfer_key(secret, encapsulated, recipient)).decrypt(_ONE_USE, ciphertext, None)
    except (InvalidTag, ValueError):
        raise BadCiphertext from None


def _transfer_key(secret: bytes, encapsulated: bytes, recipient: bytes) -> bytes:
    return _derive(secret, _TRANSFER + hashlib.sha256(recipient).digest() + encapsulated)


def _derive(secret: bytes, context: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=SECRET_BYTES, salt=None, info=context).derive(secret)
