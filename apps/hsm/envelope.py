"""Values sealed at rest: AES-256-GCM under a vault key, inside the HSM (NIST SP 800-38D).

Format: one byte 0x01, 12 bytes nonce, ciphertext, 16 bytes tag. Nonces are random, so a key may seal 2^32 values
(NIST SP 800-38D section 8.3). Every sealed value is a row of one vault: a version of a secret, or a software key.
"""

import os
from typing import Any

from pkcs11 import GCMParams, Mechanism

from apps.hsm.errors import SealBroken

_FORMAT = b"\x01"
_NONCE, _TAG = 12, 16


def seal(handle: Any, *, context: bytes, plaintext: bytes) -> bytes:
    """Seal with an ENCRYPT handle; `context` is authenticated and not stored."""
    nonce = os.urandom(_NONCE)
    ciphertext = handle.encrypt(
        plaintext,
        mechanism=Mechanism.AES_GCM,
        mechanism_param=GCMParams(nonce, context, _TAG * 8),
        buffer_size=len(plaintext) + _TAG,
    )
    return _FORMAT + nonce + bytes(ciphertext)


def unseal(handle: Any, *, context: bytes, sealed: bytes) -> bytes:
    """Open with a DECRYPT handle. Raises `SealBroken` for bytes that are not ours; a wrong tag is PKCS#11's error."""
    nonce, ciphertext = split(sealed)
    return bytes(
        handle.decrypt(
            ciphertext,
            mechanism=Mechanism.AES_GCM,
            mechanism_param=GCMParams(nonce, context, _TAG * 8),
            buffer_size=len(ciphertext),
        )
    )


def split(sealed: bytes) -> tuple[bytes, bytes]:
    """Split into (nonce, ciphertext with tag). Raises `SealBroken`."""
    if len(sealed) < 1 + _NONCE + _TAG or sealed[:1] != _FORMAT:
        raise SealBroken("the sealed value has not our format")
    return sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
