"""Keys that come from outside: wrapped by a transport key, unwrapped in the HSM, wrapped by a master, destroyed there.

A key in a JSON Web Key takes the same way as one in a BYOK file; only where the transport key comes from differs.
"""

import hashlib
import os
from typing import Any

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from pkcs11 import KDF, Attribute, KeyType, Mechanism, ObjectClass

from apps.hsm import generation, public_keys, session_objects, templates
from apps.hsm.algorithms import ENCRYPTING, SIGNING
from apps.hsm.errors import BadParameter
from apps.hsm.masters import Masters
from apps.hsm.session_objects import destroyed_after
from apps.hsm.types import AES_BITS, Binding
from apps.hsm.types import KeyType as Kind


def import_clear(session: Any, masters: Masters, target: Binding, material: bytes) -> tuple[bytes, bytes]:
    """Import a key in clear (PKCS#8 DER, or the bytes of an AES key) as (SPKI, blob)."""
    known = os.urandom(32)
    with destroyed_after(session.create_object(templates.known_secret(known, purpose=Attribute.UNWRAP))) as carrier:
        return import_wrapped(masters, target, carrier, aes_key_wrap_with_padding(known, material))


def unwrap_transport_key(kek: Any, ciphertext: bytes) -> Any:
    """Unwrap the ephemeral AES key of a BYOK file by the KEK (RSA-OAEP with SHA-1)."""
    template = templates.unwrapped_key(Attribute.UNWRAP, object_class=ObjectClass.SECRET_KEY, key_type=KeyType.AES)
    row = ENCRYPTING["RSA-OAEP"]
    return session_objects.unwrap(kek, ciphertext, template, mechanism=row.mechanism, parameter=row.parameter)


def import_wrapped(masters: Masters, target: Binding, carrier: Any, wrapped: bytes) -> tuple[bytes, bytes]:
    """Import a key wrapped by `carrier` (RFC 5649) as (SPKI, blob). Raises `BadParameter` or PKCS#11's errors."""
    is_secret = target.key_type is Kind.OCT
    object_class = ObjectClass.SECRET_KEY if is_secret else ObjectClass.PRIVATE_KEY
    template = templates.released_key(object_class=object_class, key_type=generation.TYPES[target.key_type])
    imported = session_objects.unwrap(carrier, wrapped, template, mechanism=masters.key_wrap)
    with destroyed_after(imported):
        if is_secret:
            return b"", _rewrap_secret(masters, target, imported)
        blob = generation.wrap_private(masters, target, imported)
        if target.key_type is Kind.RSA:
            return _rsa_public(target, imported), blob
    return _ec_public(masters, target, blob), blob


def _rewrap_secret(masters: Masters, target: Binding, imported: Any) -> bytes:
    blob = generation.wrap_secret(masters, target, imported)
    size = int(target.parameter) // 8 + 8
    if target.parameter not in AES_BITS or len(blob) not in (size, 2 * size):
        raise BadParameter(f"the key is not an AES key of {target.parameter} bits")
    return blob


def _rsa_public(target: Binding, imported: Any) -> bytes:
    modulus, exponent = imported[Attribute.MODULUS], imported[Attribute.PUBLIC_EXPONENT]
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
    with destroyed_after(generation.unwrap(masters, target, blob, purpose=Attribute.SIGN)) as signer:
        signature = bytes(signer.sign(digest, mechanism=algorithm.mechanism, buffer_size=512))
    for sign in (b"\x02", b"\x03"):
        candidate = ec.EllipticCurvePublicKey.from_encoded_point(curve, sign + x)
        if public_keys.is_signature(candidate, algorithm, digest, signature):
            return public_keys.dump(candidate)
    raise BadParameter(f"the key is not on the curve {target.parameter}")


def _times_base_point(masters: Masters, target: Binding, blob: bytes, curve: ec.EllipticCurve) -> bytes:
    base = ec.derive_private_key(1, curve).public_key()
    point = public_keys.encoded_point(base)
    width = public_keys.coordinate_bytes(target.parameter)
    with destroyed_after(generation.unwrap(masters, target, blob, purpose=Attribute.DERIVE)) as deriver:
        try:
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
    with destroyed_after(shared):
        return bytes(shared[Attribute.VALUE]).rjust(width, b"\0")
