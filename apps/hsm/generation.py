"""Making keys in the HSM: born extractable for the milliseconds until they are wrapped, then destroyed there."""

import hashlib
from typing import Any

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from apps.hsm import public_keys, session_objects, templates
from apps.hsm.errors import BadParameter, UnsupportedAlgorithm
from apps.hsm.masters import Masters
from apps.hsm.session_objects import destroyed_after
from apps.hsm.types import AES_BITS, ED25519, RSA_BITS, Binding
from apps.hsm.types import KeyType as Kind

CURVE_OIDS = {
    "P-256": "1.2.840.10045.3.1.7",
    "P-384": "1.3.132.0.34",
    "P-521": "1.3.132.0.35",
    "P-256K": "1.3.132.0.10",
}
TYPES = {Kind.RSA: KeyType.RSA, Kind.EC: KeyType.EC, Kind.OCT: KeyType.AES, Kind.OKP: KeyType.EC_EDWARDS}
_ED25519_PARAMS = bytes.fromhex("06032b6570")  # the OID of RFC 8410 section 3; SoftHSM takes the name of PKCS#11 too
_SEAL = ("seal",)
_SOFTWARE_INSTEAD = "make it software-protected: the type without '-HSM'"


def generate(
    session: pkcs11.Session, masters: Masters, binding: Binding, *, public_exponent: int = 65537
) -> tuple[bytes, bytes]:
    """Generate (public key as SPKI or b"", wrapped key). Raises `BadParameter` for an unsupported type or size."""
    if binding.key_type is Kind.OCT:
        return b"", _generate_secret(session, masters, binding)
    if binding.key_type is Kind.RSA:
        public, private = _generate_rsa(session, binding.parameter, public_exponent)
    elif binding.key_type is Kind.EC:
        public, private = _generate_ec(session, binding.parameter)
    elif binding.key_type is Kind.OKP:
        public, private = generate_ed25519(session, binding.parameter)
    else:
        raise BadParameter(f"the HSM makes no {binding.parameter} keys; {_SOFTWARE_INSTEAD}")
    with destroyed_after(public), destroyed_after(private):
        try:
            return _public_half(public, binding), wrap_private(masters, binding, private)
        except pkcs11.KeyNotWrappable:  # SoftHSM 2.6.1 says it of Ed25519 (pkcs11-facts.md section 17)
            raise BadParameter(f"the HSM wraps no {binding.parameter} keys; {_SOFTWARE_INSTEAD}") from None


def check_importable(binding: Binding) -> None:
    """Raise `BadParameter` unless keys of this type can be imported into the HSM."""
    if binding.key_type in (Kind.OKP, Kind.AKP):
        raise BadParameter(f"no {binding.parameter} key is imported into the HSM; {_SOFTWARE_INSTEAD}")


def wrap_private(masters: Masters, binding: Binding, private: Any) -> bytes:
    """Wrap a private key for storage: under WK-X when it may be released, else under WK-A."""
    return bytes(_private_master(masters, binding).wrap_key(private, mechanism=masters.key_wrap))


def wrap_secret(masters: Masters, binding: Binding, key: Any) -> bytes:
    """Wrap an AES key for storage: under WK-S, and a customer's key also under WK-H, for HMACs.

    Two masters, because each unwraps to one key type only: no key of ours is ever readable as a generic secret. The
    parts are equally long (RFC 5649: 8 bytes more than the key).
    """
    blob = bytes(masters.secret_wrapping.wrap_key(key, mechanism=masters.key_wrap))
    if binding.operations != _SEAL and masters.hmac_wrapping is not None:
        blob += bytes(masters.hmac_wrapping.wrap_key(key, mechanism=masters.key_wrap))
    return blob


def unwrap(masters: Masters, binding: Binding, blob: bytes, *, purpose: Attribute) -> Any:
    """Unwrap into a session object for one purpose; SIGN of an oct key makes HMACs. Raises `UnsupportedAlgorithm`."""
    if binding.key_type is Kind.OCT:
        return _unwrap_secret(masters, binding, blob, purpose)
    template = templates.unwrapped_key(purpose, object_class=ObjectClass.PRIVATE_KEY, key_type=TYPES[binding.key_type])
    return unwrap_private(masters, binding, blob, template=template)


def unwrap_private(masters: Masters, binding: Binding, blob: bytes, *, template: templates.Template) -> Any:
    """Unwrap a private key into a session object with the given template."""
    return session_objects.unwrap(_private_master(masters, binding), blob, template, mechanism=masters.key_wrap)


def _unwrap_secret(masters: Masters, binding: Binding, blob: bytes, purpose: Attribute) -> Any:
    size = int(binding.parameter) // 8 + 8
    master, key_type, part = masters.secret_wrapping, KeyType.AES, blob[:size]
    if purpose is Attribute.SIGN:
        master, key_type, part = masters.hmac_wrapping, KeyType.GENERIC_SECRET, blob[size:]
        if master is None or not part:
            raise UnsupportedAlgorithm("this key is older than HMACs in its security world; make a new version of it")
    template = templates.unwrapped_key(purpose, object_class=ObjectClass.SECRET_KEY, key_type=key_type)
    return session_objects.unwrap(master, part, template, mechanism=masters.key_wrap)


def _private_master(masters: Masters, binding: Binding) -> Any:
    if not binding.exportable:
        return masters.private_wrapping
    if masters.export_wrapping is None:
        raise UnsupportedAlgorithm("this security world is older than exportable keys; complete its ceremony first")
    return masters.export_wrapping


def _generate_rsa(session: pkcs11.Session, parameter: str, exponent: int) -> tuple[Any, Any]:
    if parameter not in RSA_BITS:
        raise BadParameter(f"RSA keys have {', '.join(RSA_BITS)} bits")
    encoded = exponent.to_bytes((exponent.bit_length() + 7) // 8)
    numbers = {Attribute.PUBLIC_EXPONENT: encoded, Attribute.MODULUS_BITS: int(parameter)}
    public, private = templates.generated_pair(key_type=KeyType.RSA, public=numbers)
    return session.generate_keypair(
        KeyType.RSA,
        int(parameter),
        capabilities=templates.NO_CAPABILITIES,
        public_template=public,
        private_template=private,
    )


def _generate_ec(session: pkcs11.Session, curve: str) -> tuple[Any, Any]:
    if curve not in CURVE_OIDS:
        raise BadParameter(f"EC keys are on {', '.join(CURVE_OIDS)}")
    oid = {Attribute.EC_PARAMS: encode_named_curve_parameters(CURVE_OIDS[curve])}
    public, private = templates.generated_pair(key_type=KeyType.EC, public=oid)
    domain = session.create_domain_parameters(KeyType.EC, oid, local=True)
    return domain.generate_keypair(
        capabilities=templates.NO_CAPABILITIES, public_template=public, private_template=private
    )


def generate_ed25519(session: pkcs11.Session, curve: str) -> tuple[Any, Any]:
    """Generate (public, private) session objects (PKCS#11 3.0 section 2.3.6). Raises `BadParameter`."""
    if curve != ED25519:
        raise BadParameter(f"OKP keys are {ED25519}")
    parameters = {Attribute.EC_PARAMS: _ED25519_PARAMS}
    public, private = templates.generated_pair(key_type=KeyType.EC_EDWARDS, public=parameters)
    domain = session.create_domain_parameters(KeyType.EC_EDWARDS, parameters, local=True)
    return domain.generate_keypair(
        mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN,
        capabilities=templates.NO_CAPABILITIES,
        public_template=public,
        private_template=private,
    )


def _generate_secret(session: pkcs11.Session, masters: Masters, binding: Binding) -> bytes:
    if binding.parameter not in AES_BITS:
        raise BadParameter(f"AES keys have {', '.join(AES_BITS)} bits")
    if binding.exportable:
        raise BadParameter("an oct key in the HSM cannot be exportable")
    bits = int(binding.parameter)
    key = session.generate_key(
        KeyType.AES, bits, capabilities=templates.NO_CAPABILITIES, template=templates.generated_secret(bits=bits)
    )
    with destroyed_after(key):
        return wrap_secret(masters, binding, key)


def _public_half(public: Any, binding: Binding) -> bytes:
    if binding.key_type is Kind.RSA:
        return public_keys.from_rsa_numbers(public[Attribute.MODULUS], public[Attribute.PUBLIC_EXPONENT])
    if binding.key_type is Kind.OKP:
        return public_keys.from_ed25519_point(public[Attribute.EC_POINT])
    return public_keys.from_ec_point(binding.parameter, public[Attribute.EC_POINT])


def pair_challenge(key: public_keys.PublicKey) -> tuple[str, bytes]:
    """Return algorithm and digest for the pairwise consistency test (FIPS 140-3 10.3.5)."""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return "RS256", hashlib.sha256(b"pairwise").digest()
    names = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512", "secp256k1": "ES256K"}
    algorithm = names[key.curve.name]
    digest = {"ES384": hashlib.sha384, "ES512": hashlib.sha512}.get(algorithm, hashlib.sha256)
    return algorithm, digest(b"pairwise").digest()
