"""Public halves: SubjectPublicKeyInfo in, operations of `cryptography` out. Nothing secret is here."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from apps.hsm.algorithms import Encrypting, Signing
from apps.hsm.errors import BadParameter

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "P-256K": ec.SECP256K1(),
}


def load(spki: bytes) -> PublicKey:
    """Load the key of a DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7)."""
    key = serialization.load_der_public_key(spki)
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise BadParameter("the public key is neither RSA nor EC")
    return key


def dump(key: PublicKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def from_rsa_numbers(modulus: bytes, exponent: bytes) -> bytes:
    """SPKI of an RSA key from big-endian numbers, as PKCS#11 gives them."""
    return dump(rsa.RSAPublicNumbers(int.from_bytes(exponent), int.from_bytes(modulus)).public_key())


def from_ec_point(curve: str, point: bytes) -> bytes:
    """SPKI of an EC key from CKA_EC_POINT: a DER OCTET STRING around the uncompressed point (PKCS#11 3.0 2.3.3)."""
    width = (CURVES[curve].key_size + 7) // 8
    return dump(ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve], point[-(2 * width + 1) :]))


def coordinate_bytes(curve: str) -> int:
    """Width of r, s, x and y: 32, 48, 66."""
    return (CURVES[curve].key_size + 7) // 8


def encoded_point(key: ec.EllipticCurvePublicKey) -> bytes:
    """Encode the uncompressed point (SEC 1 section 2.3.3)."""
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def is_signature(key: PublicKey, row: Signing, digest: bytes, signature: bytes) -> bool:
    """Tell whether the signature over the digest is valid; EC signatures are raw r||s (RFC 7518 section 3.4)."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            if row.padding is None:
                return False
            key.verify(signature, digest, row.padding, Prehashed(row.digest))
        else:
            width = coordinate_bytes(row.curve)
            if row.ecdsa is None or len(signature) != 2 * width:
                return False
            r, s = int.from_bytes(signature[:width]), int.from_bytes(signature[width:])
            key.verify(encode_dss_signature(r, s), digest, row.ecdsa)
    except InvalidSignature:
        return False
    return True


def encrypt(key: PublicKey, row: Encrypting, plaintext: bytes) -> bytes:
    """One block. Raises `BadParameter` when the plaintext is too long for it."""
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadParameter("only RSA keys encrypt")
    try:
        return key.encrypt(plaintext, row.padding)
    except ValueError:
        raise BadParameter("the value is longer than one block of this key") from None
