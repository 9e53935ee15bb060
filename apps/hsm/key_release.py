"""Exportable keys that leave, encrypted to a recipient: CKM_RSA_AES_KEY_WRAP (PKCS#11 3.1 section 6.1.20).

The recipient's RSA key encrypts a fresh AES-256 key, which wraps the private key (RFC 5649). In the HSM all of it
happens inside. Whether the recipient may have the key was decided before (`apps.domain.keys.release_policy`).
"""

import os
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from pkcs11 import MGF, Attribute, KeyType, Mechanism, ObjectClass

from apps.hsm import generation, public_keys, templates
from apps.hsm.algorithms import ENCRYPTING, Encrypting, rsa_oaep
from apps.hsm.errors import BadParameter, UnsupportedAlgorithm
from apps.hsm.masters import Masters
from apps.hsm.session_objects import destroyed_after
from apps.hsm.types import StoredKey

# Wire name -> the RSA step that encrypts the carrier. OAEP needs no collision resistance (RFC 8017 section 7.1).
_CARRIERS = {
    "CKM_RSA_AES_KEY_WRAP": ENCRYPTING["RSA-OAEP"],
    "RSA_AES_KEY_WRAP_256": ENCRYPTING["RSA-OAEP-256"],
    "RSA_AES_KEY_WRAP_384": rsa_oaep(hashes.SHA384(), Mechanism.SHA384, MGF.SHA384),
}


def load_recipient_key(spki: bytes) -> rsa.RSAPublicKey:
    """Load the recipient's key. Raises `BadParameter` unless it is RSA of at least 2048 bits."""
    key = public_keys.load(spki)
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < 2048:
        raise BadParameter("a key is released to an RSA key of at least 2048 bits")
    return key


def release_software(material: bytes, recipient: rsa.RSAPublicKey, *, algorithm: str) -> bytes:
    """With `cryptography`. Raises `UnsupportedAlgorithm`."""
    row, carrier = _row(algorithm), os.urandom(32)
    return recipient.encrypt(carrier, row.padding) + aes_key_wrap_with_padding(carrier, material)


def release(session: Any, masters: Masters, key: StoredKey, recipient: rsa.RSAPublicKey, *, algorithm: str) -> bytes:
    """Release inside the HSM. Raises `UnsupportedAlgorithm`, or PKCS#11's errors for a hash that its OAEP lacks."""
    key_type = generation.TYPES[key.binding.key_type]
    template = templates.released_key(object_class=ObjectClass.PRIVATE_KEY, key_type=key_type)
    with destroyed_after(generation.unwrap_private(masters, key.binding, key.blob, template=template)) as released:
        return wrap_for_recipient(session, released, recipient, algorithm=algorithm, key_wrap=masters.key_wrap)


def wrap_for_recipient(
    session: Any, released: Any, recipient: rsa.RSAPublicKey, *, algorithm: str, key_wrap: Mechanism
) -> bytes:
    """Wrap an extractable object for the recipient inside the module. Raises as `release` does."""
    row, numbers = _row(algorithm), recipient.public_numbers()
    template = templates.generated_secret(bits=256, purpose=Attribute.WRAP)
    with (
        destroyed_after(
            session.create_object(templates.recipient(modulus=_bytes(numbers.n), exponent=_bytes(numbers.e)))
        ) as public,
        destroyed_after(
            session.generate_key(KeyType.AES, 256, capabilities=templates.NO_CAPABILITIES, template=template)
        ) as carrier,
    ):
        wrapped = carrier.wrap_key(released, mechanism=key_wrap)
        wrapped_carrier = public.wrap_key(carrier, mechanism=row.mechanism, mechanism_param=row.parameter)
        return bytes(wrapped_carrier) + bytes(wrapped)


def _row(algorithm: str) -> Encrypting:
    row = _CARRIERS.get(algorithm)
    if row is None:
        raise UnsupportedAlgorithm(f"{algorithm[:40]} does not release keys; use {', '.join(_CARRIERS)}")
    return row


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)
