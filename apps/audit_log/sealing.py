"""Encryption of record bodies to the audit token, and the keyed hashes by which records are searched.

Writers hold the public half of the audit key and a shared secret; neither decrypts anything. Readers get data keys
from the audit worker (apps/audit_reader/decryption.py), the only process that can use the private half.
"""

import hashlib
import hmac
import os
import time
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.core.errors import BadRequest
from apps.core.ids import uuid7

SALT, NONCE = 16, 12
OPENED_AT_ONCE = 64  # data keys in one request to the audit worker: an RSA-3072 decryption takes about 3 ms
_HOUR = 3600
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


class ForgedDataKey(BadRequest):
    """The data key was not made by one of our writers, or was altered."""


class SealedDataKey(NamedTuple):
    """A data key as it is stored. `mac` proves that one of our writers made it."""

    id: UUID
    sealing_key: bytes  # fingerprint of the audit key that opens it
    sealed: bytes
    mac: bytes


class DataKey:
    """The key of one writer for one hour. Leaves the process only encrypted.

    Each connection has its own: the first transaction to store a shared key would block all others until its end.
    """

    def __init__(self) -> None:
        material, public = os.urandom(32), _sealing_key()
        self._hour = int(time.time()) // _HOUR
        self.stored = False  # its row is committed
        self._cipher = AESGCM(material)
        key_id, sealed = uuid7(), public.encrypt(material, OAEP)
        self.sealed = SealedDataKey(key_id, fingerprint(public), sealed, mac_of(key_id, sealed))

    @property
    def is_old(self) -> bool:
        """Return whether its hour is over."""
        return self._hour != int(time.time()) // _HOUR

    def seal(self, header: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return (encrypted body, commitment to it). The header is authenticated with the body."""
        salt, nonce = os.urandom(SALT), os.urandom(NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, salt + body, header)
        return sealed, hashlib.sha256(salt + body).digest()


def unseal(material: bytes, header: bytes, sealed: bytes) -> tuple[bytes, bytes]:
    """Decrypt (salt, body). Raises `cryptography.exceptions.InvalidTag` if the body or its header was altered."""
    opened = AESGCM(material).decrypt(sealed[:NONCE], sealed[NONCE:], header)
    return opened[:SALT], opened[SALT:]


@lru_cache(maxsize=20_000)
def tag_of(kind: str, text: str) -> int:
    """Compute a keyed hash of a caller, object or address, which reveals nothing without the secret.

    64 bits, signed as PostgreSQL's bigint; 0 for an empty text.
    """
    if not text:
        return 0
    digest = hmac.digest(_secret("find"), f"{kind}\0{text.lower()}".encode(errors="replace"), "sha256")
    return int.from_bytes(digest[:8], "big", signed=True)


def mac_of(key_id: UUID, sealed: bytes) -> bytes:
    """Prove that a data key was made by a process with the writers' secret; without it, records could be forged."""
    return hmac.digest(_secret("data key"), key_id.bytes + sealed, "sha256")


def fingerprint(public: rsa.RSAPublicKey) -> bytes:
    """Compute the fingerprint of a sealing key: the first 8 bytes of the SHA-256 of its SubjectPublicKeyInfo."""
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).digest()[:8]


@cache
def _sealing_key() -> rsa.RSAPublicKey:
    """The audit token's public key, from a file, because anyone who can write the database could replace a row."""
    path = Path(settings.AUDIT_SEALING_KEY_FILE)
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"AUDIT_SEALING_KEY_FILE ({path}) is not a public key: {error}") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise ImproperlyConfigured(f"AUDIT_SEALING_KEY_FILE ({path}) is not an RSA key")
    return key


@cache
def _secret(purpose: str) -> bytes:
    path = Path(settings.AUDIT_WRITER_SECRET_FILE)
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"AUDIT_WRITER_SECRET_FILE ({path}) cannot be read: {error}") from error
    if len(secret) < 32:
        raise ImproperlyConfigured(f"AUDIT_WRITER_SECRET_FILE ({path}) is too short: at least 32 bytes are required")
    return hmac.digest(secret, b"vault-portal/audit/" + purpose.encode(), "sha256")
