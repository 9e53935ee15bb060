"""Exportable keys that leave, encrypted to a recipient: CKM_RSA_AES_KEY_WRAP (PKCS#11 3.1 section 6.1.20).

The recipient's RSA key encrypts a fresh AES-256 key, which wraps the private key (RFC 5649). In the HSM all of it
happens inside. Whether the recipient may have the key was decided before (`apps.domain.keys.release_policy`).
"""

import os
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from pkcs11 import MGF, Attribute, KeyType, Mechanism, ObjectClass

from apps.hsm import generation, public_keys, templates
from apps.hsm.errors import BadParameter, UnsupportedAlgorithm
from apps.hsm.masters import Masters
from apps.hsm.types import KeyType as Kind
from apps.hsm.types import StoredKey

# Wire name -> hash of the OAEP step.
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "CKM_RSA_AES_KEY_WRAP": hashes.SHA1(),  # noqa: S303  OAEP needs no collision resistance (RFC 8017 section 7.1)
    "RSA_AES_KEY_WRAP_256": hashes.SHA256(),
    "RSA_AES_KEY_WRAP_384": hashes.SHA384(),
}
_PARAMETERS = {
    "CKM_RSA_AES_KEY_WRAP": (Mechanism.SHA_1, MGF.SHA1, None),
    "RSA_AES_KEY_WRAP_256": (Mechanism.SHA256, MGF.SHA256, None),
    "RSA_AES_KEY_WRAP_384": (Mechanism.SHA384, MGF.SHA384, None),
}
ALGORITHMS = tuple(_HASHES)


def load_recipient_key(spki: bytes) -> rsa.RSAPublicKey:
    """Load the recipient's key. Raises `BadParameter` unless it is RSA of at least 2048 bits."""
    key = public_keys.load(spki)
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < 2048:
        raise BadParameter("a key is released to an RSA key of at least 2048 bits")
    return key


def release_software(material: bytes, recipient: rsa.RSAPublicKey, *, algorithm: str) -> bytes:
    """With `cryptography`. Raises `UnsupportedAlgorithm`."""
    digest = _HASHES.get(algorithm)
    if digest is None:
        raise UnsupportedAlgorithm(f"{algorithm[:40]} does not release keys; use {', '.join(_HASHES)}")
    carrier = os.urandom(32)
    oaep = padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=None)
    return recipient.encrypt(carrier, oaep) + aes_key_wrap_with_padding(carrier, material)


def release(session: Any, masters: Masters, key: StoredKey, recipient: rsa.RSAPublicKey, *, algorithm: str) -> bytes:
    """Release inside the HSM. Raises `UnsupportedAlgorithm`, or PKCS#11's errors for a hash that its OAEP lacks."""
    key_type = KeyType.RSA if key.binding.key_type is Kind.RSA else KeyType.EC
    template = templates.released_key(object_class=ObjectClass.PRIVATE_KEY, key_type=key_type)
    leaving = generation.unwrap_private(masters, key.binding, key.blob, template=template)
    try:
        return wrap_for_recipient(session, leaving, recipient, algorithm=algorithm, key_wrap=masters.key_wrap)
    finally:
        leaving.destroy()


def wrap_for_recipient(
    session: Any, leaving: Any, recipient: rsa.RSAPublicKey, *, algorithm: str, key_wrap: Mechanism
) -> bytes:
    """Wrap an extractable object for the recipient inside the module. Raises as `release` does."""
    if algorithm not in _PARAMETERS:
        raise UnsupportedAlgorithm(f"{algorithm[:40]} does not release keys; use {', '.join(_PARAMETERS)}")
    numbers = recipient.public_numbers()
    public = session.create_object(templates.recipient(modulus=_bytes(numbers.n), exponent=_bytes(numbers.e)))
    try:
        carrier = session.generate_key(
            KeyType.AES, 256, capabilities=templates.NO_CAPABILITIES, template=templates.carrier(Attribute.WRAP)
        )
        try:
            wrapped = carrier.wrap_key(leaving, mechanism=key_wrap)
            opened_by = public.wrap_key(
                carrier, mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=_PARAMETERS[algorithm]
            )
            return bytes(opened_by) + bytes(wrapped)
        finally:
            carrier.destroy()
    finally:
        public.destroy()


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)
