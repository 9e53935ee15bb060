"""Making keys in the HSM: born extractable for the milliseconds until they are wrapped, then destroyed there."""

import hashlib
from typing import Any

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import Attribute, KeyType, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from apps.hsm import public_keys, templates
from apps.hsm.errors import BadParameter
from apps.hsm.masters import Masters
from apps.hsm.types import Binding
from apps.hsm.types import KeyType as Kind

_CURVE_OIDS = {
    "P-256": "1.2.840.10045.3.1.7",
    "P-384": "1.3.132.0.34",
    "P-521": "1.3.132.0.35",
    "P-256K": "1.3.132.0.10",
}
_RSA_BITS = ("2048", "3072", "4096")
_AES_BITS = ("128", "192", "256")


def generate(session: pkcs11.Session, masters: Masters, binding: Binding) -> tuple[bytes, bytes]:
    """(public key as SPKI or b"", wrapped key). Raises `BadParameter` for a size or curve that we do not make."""
    if binding.key_type is Kind.OCT:
        return b"", _generate_secret(session, masters, binding.parameter)
    if binding.key_type is Kind.RSA:
        public, private = _generate_rsa(session, binding.parameter)
    else:
        public, private = _generate_ec(session, binding.parameter)
    try:
        blob = masters.private_wrapping.wrap_key(private, mechanism=masters.key_wrap)
        return _public_half(public, binding), bytes(blob)
    finally:
        private.destroy()
        public.destroy()


def unwrap(masters: Masters, binding: Binding, blob: bytes, *, purpose: Attribute) -> Any:
    """A session object for one purpose."""
    if binding.key_type is Kind.OCT:
        template = templates.usable(purpose, object_class=ObjectClass.SECRET_KEY, key_type=KeyType.AES)
        return masters.secret_wrapping.unwrap_key(
            ObjectClass.SECRET_KEY,
            KeyType.AES,
            blob,
            mechanism=masters.key_wrap,
            capabilities=templates.NO_CAPABILITIES,
            template=template,
        )
    key_type = KeyType.RSA if binding.key_type is Kind.RSA else KeyType.EC
    template = templates.usable(purpose, object_class=ObjectClass.PRIVATE_KEY, key_type=key_type)
    return masters.private_wrapping.unwrap_key(
        ObjectClass.PRIVATE_KEY,
        key_type,
        blob,
        mechanism=masters.key_wrap,
        capabilities=templates.NO_CAPABILITIES,
        template=template,
    )


def _generate_rsa(session: pkcs11.Session, parameter: str) -> tuple[Any, Any]:
    if parameter not in _RSA_BITS:
        raise BadParameter(f"RSA keys have {', '.join(_RSA_BITS)} bits")
    numbers = {Attribute.PUBLIC_EXPONENT: b"\x01\x00\x01", Attribute.MODULUS_BITS: int(parameter)}
    public, private = templates.newborn_pair(key_type=KeyType.RSA, public=numbers)
    return session.generate_keypair(
        KeyType.RSA,
        int(parameter),
        capabilities=templates.NO_CAPABILITIES,
        public_template=public,
        private_template=private,
    )


def _generate_ec(session: pkcs11.Session, curve: str) -> tuple[Any, Any]:
    if curve not in _CURVE_OIDS:
        raise BadParameter(f"EC keys are on {', '.join(_CURVE_OIDS)}")
    oid = {Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVE_OIDS[curve])}
    public, private = templates.newborn_pair(key_type=KeyType.EC, public=oid)
    domain = session.create_domain_parameters(KeyType.EC, oid, local=True)
    return domain.generate_keypair(
        capabilities=templates.NO_CAPABILITIES, public_template=public, private_template=private
    )


def _generate_secret(session: pkcs11.Session, masters: Masters, parameter: str) -> bytes:
    if parameter not in _AES_BITS:
        raise BadParameter(f"AES keys have {', '.join(_AES_BITS)} bits")
    bits = int(parameter)
    key = session.generate_key(
        KeyType.AES, bits, capabilities=templates.NO_CAPABILITIES, template=templates.newborn_secret(bits=bits)
    )
    try:
        return bytes(masters.secret_wrapping.wrap_key(key, mechanism=masters.key_wrap))
    finally:
        key.destroy()


def _public_half(public: Any, binding: Binding) -> bytes:
    if binding.key_type is Kind.RSA:
        return public_keys.from_rsa_numbers(public[Attribute.MODULUS], public[Attribute.PUBLIC_EXPONENT])
    return public_keys.from_ec_point(binding.parameter, public[Attribute.EC_POINT])


def pair_challenge(key: public_keys.PublicKey) -> tuple[str, bytes]:
    """An algorithm that the key can sign with, and a digest: for the pairwise consistency test (FIPS 140-3 10.3.5)."""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return "RS256", hashlib.sha256(b"pairwise").digest()
    names = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512", "secp256k1": "ES256K"}
    algorithm = names[key.curve.name]
    digest = {"ES384": hashlib.sha384, "ES512": hashlib.sha512}.get(algorithm, hashlib.sha256)
    return algorithm, digest(b"pairwise").digest()
