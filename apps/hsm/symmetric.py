"""AES and HMAC with handles of oct keys, or with `cryptography` for software-protected ones.

Lengths are checked before the module is touched, so that a refusal of the module means a ciphertext that does not
open. CBC with padding tells by design whether the padding was right (NIST SP 800-38A has no integrity): its answer
is uniform, and GCM is what new data should use.
"""

import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass

from apps.hsm import templates
from apps.hsm.algorithms import Authenticating, Mode, Symmetric
from apps.hsm.errors import BadCiphertext, BadParameter
from apps.hsm.types import Encrypted

BLOCK, GCM_IV, GCM_TAG = 16, 12, 16
_LARGEST_WRAPPED = 8192  # bytes of caller's key material in one A*KW

# What a handle must be allowed to do: key wrapping wraps objects, the other modes encrypt bytes.
ENCRYPT_PURPOSE = {mode: Attribute.WRAP if mode is Mode.KEY_WRAP else Attribute.ENCRYPT for mode in Mode}
DECRYPT_PURPOSE = {mode: Attribute.UNWRAP if mode is Mode.KEY_WRAP else Attribute.DECRYPT for mode in Mode}


def prepare_plaintext(row: Symmetric, plaintext: bytes, iv: bytes) -> tuple[bytes, bytes]:
    """Return (padded plaintext, iv). A GCM iv is always made here: a repeated one reveals the key.

    Raises `BadParameter`.
    """
    if row.mode is Mode.GCM:
        return plaintext, os.urandom(GCM_IV)
    if row.mode is Mode.KEY_WRAP:
        if len(plaintext) % 8 or not 2 * 8 <= len(plaintext) <= _LARGEST_WRAPPED:
            raise BadParameter(f"A*KW wraps a multiple of 8 bytes, from 16 to {_LARGEST_WRAPPED} (RFC 3394)")
        return plaintext, b""
    if len(iv) != BLOCK:
        raise BadParameter(f"the 'iv' of AES-CBC has {BLOCK} bytes")
    if row.mode is Mode.CBC:
        if not plaintext:
            raise BadParameter("AES-CBC encrypts at least one byte")
        return plaintext + bytes(-len(plaintext) % BLOCK), iv
    return plaintext, iv


def check_decrypt_input(row: Symmetric, ciphertext: bytes, iv: bytes, tag: bytes) -> None:
    """Raise `BadParameter` for an iv or tag of a wrong length, `BadCiphertext` for an impossible ciphertext."""
    if row.mode is Mode.GCM:
        if len(iv) != GCM_IV or len(tag) != GCM_TAG:
            raise BadParameter(f"AES-GCM needs the 'iv' of {GCM_IV} and the 'tag' of {GCM_TAG} bytes")
    elif row.mode is Mode.KEY_WRAP:
        if len(ciphertext) % 8 or not 3 * 8 <= len(ciphertext) <= _LARGEST_WRAPPED + 8:
            raise BadCiphertext
    else:
        if len(iv) != BLOCK:
            raise BadParameter(f"the 'iv' of AES-CBC has {BLOCK} bytes")
        if not ciphertext or len(ciphertext) % BLOCK:
            raise BadCiphertext


def encrypt(session: Any, handle: Any, row: Symmetric, plaintext: bytes, *, iv: bytes, aad: bytes) -> Encrypted:
    """With a handle in the HSM; `plaintext` and `iv` as `prepared` gave them."""
    if row.mode is Mode.KEY_WRAP:
        return Encrypted(_wrap(session, handle, plaintext))
    mechanism, parameter = _mechanism(row, iv, aad)
    size = len(plaintext) + BLOCK
    out = bytes(handle.encrypt(plaintext, mechanism=mechanism, mechanism_param=parameter, buffer_size=size))
    if row.mode is Mode.GCM:
        return Encrypted(out[:-GCM_TAG], iv, out[-GCM_TAG:])
    return Encrypted(out, iv)


def decrypt(handle: Any, row: Symmetric, ciphertext: bytes, *, iv: bytes, aad: bytes, tag: bytes) -> bytes:
    """With a handle in the HSM. What does not open is PKCS#11's error."""
    if row.mode is Mode.KEY_WRAP:
        return _unwrap(handle, ciphertext)
    mechanism, parameter = _mechanism(row, iv, aad)
    data = ciphertext + (tag if row.mode is Mode.GCM else b"")
    return bytes(handle.decrypt(data, mechanism=mechanism, mechanism_param=parameter, buffer_size=len(data) + BLOCK))


def authenticate(handle: Any, row: Authenticating, data: bytes) -> bytes:
    """Compute the HMAC in the HSM."""
    return bytes(handle.sign(data, mechanism=row.mechanism, buffer_size=64))


def software_encrypt(key: bytes, row: Symmetric, plaintext: bytes, *, iv: bytes, aad: bytes) -> Encrypted:
    """The same with `cryptography`."""
    if row.mode is Mode.KEY_WRAP:
        return Encrypted(aes_key_wrap(key, plaintext))
    if row.mode is Mode.GCM:
        out = AESGCM(key).encrypt(iv, plaintext, aad)
        return Encrypted(out[:-GCM_TAG], iv, out[-GCM_TAG:])
    if row.mode is Mode.CBC_PAD:
        padder = padding.PKCS7(BLOCK * 8).padder()
        plaintext = padder.update(plaintext) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return Encrypted(encryptor.update(plaintext) + encryptor.finalize(), iv)


def software_decrypt(key: bytes, row: Symmetric, ciphertext: bytes, *, iv: bytes, aad: bytes, tag: bytes) -> bytes:
    """The same with `cryptography`. Raises `BadCiphertext`."""
    try:
        if row.mode is Mode.KEY_WRAP:
            return aes_key_unwrap(key, ciphertext)
        if row.mode is Mode.GCM:
            return AESGCM(key).decrypt(iv, ciphertext + tag, aad)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        plaintext = decryptor.update(ciphertext) + decryptor.finalize()
        if row.mode is Mode.CBC:
            return plaintext
        unpadder = padding.PKCS7(BLOCK * 8).unpadder()
        return unpadder.update(plaintext) + unpadder.finalize()
    except (InvalidTag, InvalidUnwrap, ValueError):
        raise BadCiphertext from None


def software_authenticate(key: bytes, row: Authenticating, data: bytes) -> bytes:
    """The same with `cryptography`."""
    mac = hmac.HMAC(key, row.digest)
    mac.update(data)
    return mac.finalize()


def _mechanism(row: Symmetric, iv: bytes, aad: bytes) -> tuple[Mechanism, Any]:
    if row.mode is Mode.GCM:
        return Mechanism.AES_GCM, GCMParams(iv, aad, GCM_TAG * 8)
    return (Mechanism.AES_CBC_PAD if row.mode is Mode.CBC_PAD else Mechanism.AES_CBC), iv


def _wrap(session: Any, handle: Any, plaintext: bytes) -> bytes:
    """RFC 3394 in the HSM: PKCS#11 wraps objects, so the caller's bytes become one for a moment."""
    carried = session.create_object(templates.known_secret(plaintext, key_type=KeyType.GENERIC_SECRET))
    try:
        return bytes(handle.wrap_key(carried, mechanism=Mechanism.AES_KEY_WRAP))
    finally:
        carried.destroy()


def _unwrap(handle: Any, ciphertext: bytes) -> bytes:
    carried = handle.unwrap_key(
        ObjectClass.SECRET_KEY,
        KeyType.GENERIC_SECRET,
        ciphertext,
        mechanism=Mechanism.AES_KEY_WRAP,
        capabilities=templates.NO_CAPABILITIES,
        template=templates.readable_secret(),
    )
    try:
        return bytes(carried[Attribute.VALUE])
    finally:
        carried.destroy()
