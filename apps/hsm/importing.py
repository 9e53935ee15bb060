"""Keys that come from outside: wrapped by a transport key, unwrapped in the HSM, wrapped by a master, destroyed there.

A key in a JSON Web Key takes the same way as one in a BYOK file; only where the transport key comes from differs.
"""

import hashlib
import os
from typing import Any

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from pkcs11 import KDF, MGF, Attribute, KeyType, Mechanism, ObjectClass

from apps.hsm import generation, public_keys, templates
from apps.hsm.algorithms import SIGNING
from apps.hsm.errors import BadParameter
from apps.hsm.masters import Masters
from apps.hsm.types import Binding
from apps.hsm.types import KeyType as Kind

_OAEP_SHA1 = (Mechanism.SHA_1, MGF.SHA1, None)  # the RSA step of CKM_RSA_AES_KEY_WRAP in a BYOK file
_TYPES = {Kind.RSA: KeyType.RSA, Kind.EC: KeyType.EC, Kind.OCT: KeyType.AES}


def import_clear(session: Any, masters: Masters, target: Binding, material: bytes) -> tuple[bytes, bytes]:
    """Import a key in clear (PKCS#8 DER, or the bytes of an AES key) as (SPKI, blob)."""
    known = os.urandom(32)
    carrier = session.create_object(templates.known_secret(known, purpose=Attribute.UNWRAP))
    try:
        return import_wrapped(masters, target, carrier, aes_key_wrap_with_padding(known, material))
    finally:
        carrier.destroy()


def unwrap_transport_key(kek: Any, ciphertext: bytes) -> Any:
    """Unwrap the ephemeral AES key of a BYOK file by the KEK (RSA-OAEP with SHA-1)."""
    template = templates.unwrapped_key(Attribute.UNWRAP, object_class=ObjectClass.SECRET_KEY, key_type=KeyType.AES)
    return kek.unwrap_key(
        ObjectClass.SECRET_KEY,
        KeyType.AES,
        ciphertext,
        mechanism=Mechanism.RSA_PKCS_OAEP,
        mechanism_param=_OAEP_SHA1,
        capabilities=templates.NO_CAPABILITIES,
        template=template,
    )


def import_wrapped(masters: Masters, target: Binding, carrier: Any, wrapped: bytes) -> tuple[bytes, bytes]:
    """Import a key wrapped by `carrier` (RFC 5649) as (SPKI, blob). Raises `BadParameter` or PKCS#11's errors."""
    is_secret = target.key_type is Kind.OCT
    object_class = ObjectClass.SECRET_KEY if is_secret else ObjectClass.PRIVATE_KEY
    key_type = _TYPES[target.key_type]
    newcomer = carrier.unwrap_key(
        object_class,
        key_type,
        wrapped,
        mechanism=masters.key_wrap,
        capabilities=templates.NO_CAPABILITIES,
        template=templates.released_key(object_class=object_class, key_type=key_type),
    )
    try:
        if is_secret:
            return b"", _rewrap_secret(masters, target, newcomer)
        blob = generation.wrap_private(masters, target, newcomer)
        if target.key_type is Kind.RSA:
            return _rsa_public(target, newcomer), blob
    finally:
        newcomer.destroy()
    return _ec_public(masters, target, blob), blob


def _rewrap_secret(masters: Masters, target: Binding, newcomer: Any) -> bytes:
    blob = generation.wrap_secret(masters, target, newcomer)
    size = int(target.parameter) // 8 + 8
    if target.parameter not in generation.AES_BITS or len(blob) not in (size, 2 * size):
        raise BadParameter(f"the key is not an AES key of {target.parameter} bits")
    return blob


def _rsa_public(target: Binding, newcomer: Any) -> bytes:
    modulus, exponent = newcomer[Attribute.MODULUS], newcomer[Attribute.PUBLIC_EXPONENT]
    if int.from_bytes(modulus).bit_length() != int(target.parameter):
        raise BadParameter(f"the key is not an RSA key of {target.parameter} bits")
    return public_keys.from_rsa_numbers(modulus, exponent)


def _ec_public(masters: Masters, target: Binding, blob: bytes) -> bytes:
    """Compute the public point of a key that only the HSM has seen.

    A private key object has no point (PKCS#11 3.0 section 2.3.4). ECDH with the curve's base point gives its x; a
    signature tells which of the two points it is.
    """
    curve = public_keys.CURVES[target.parameter]
    x = _times_base_point(masters, target, blob, curve)
    algorithm = next(row for row in SIGNING.values() if row.curve == target.parameter)
    digest = hashlib.sha512(b"which point").digest()[: algorithm.digest.digest_size]
    signer = generation.unwrap(masters, target, blob, purpose=Attribute.SIGN)
    try:
        signature = bytes(signer.sign(digest, mechanism=algorithm.mechanism, buffer_size=512))
    finally:
        signer.destroy()
    for sign in (b"\x02", b"\x03"):
        candidate = ec.EllipticCurvePublicKey.from_encoded_point(curve, sign + x)
        if public_keys.is_signature(candidate, algorithm, digest, signature):
            return public_keys.dump(candidate)
    raise BadParameter(f"the key is not on the curve {target.parameter}")


def _times_base_point(masters: Masters, target: Binding, blob: bytes, curve: ec.EllipticCurve) -> bytes:
    base = ec.derive_private_key(1, curve).public_key()
    point = public_keys.encoded_point(base)
    deriver = generation.unwrap(masters, target, blob, purpose=Attribute.DERIVE)
    try:
        width = public_keys.coordinate_bytes(target.parameter)
        shared = deriver.derive_key(
            KeyType.GENERIC_SECRET,
            width * 8,
            mechanism=Mechanism.ECDH1_DERIVE,
            mechanism_param=(KDF.NULL, None, point),
            capabilities=templates.NO_CAPABILITIES,
            template={**templates.readable_secret(), Attribute.VALUE_LEN: width},
        )
    except pkcs11.PKCS11Error:
        raise BadParameter(f"the key is not on the curve {target.parameter}") from None
    finally:
        deriver.destroy()
    try:
        return bytes(shared[Attribute.VALUE]).rjust(width, b"\0")
    finally:
        shared.destroy()
