"""Public halves: SubjectPublicKeyInfo in, operations of `cryptography` out. Nothing secret is here."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from apps.hsm.algorithms import Encrypting, Signing
from apps.hsm.errors import BadParameter
from apps.hsm.types import Message

MlDsaPublicKey = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
MlKemPublicKey = mlkem.MLKEM768PublicKey | mlkem.MLKEM1024PublicKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | MlDsaPublicKey | MlKemPublicKey

CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "P-256K": ec.SECP256K1(),
}


def load(spki: bytes) -> PublicKey:
    """Load the key of a DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7)."""
    key = serialization.load_der_public_key(spki)
    if not isinstance(key, PublicKey):
        raise BadParameter("the public key is of no type that vaults have")
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


def from_ed25519_point(point: bytes) -> bytes:
    """SPKI of an Ed25519 key from CKA_EC_POINT: 32 bytes, perhaps in a DER OCTET STRING (PKCS#11 3.0 2.3.5)."""
    return dump(ed25519.Ed25519PublicKey.from_public_bytes(point[-32:]))


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
        elif isinstance(key, ec.EllipticCurvePublicKey):
            width = coordinate_bytes(row.curve)
            if row.ecdsa is None or len(signature) != 2 * width:
                return False
            r, s = int.from_bytes(signature[:width]), int.from_bytes(signature[width:])
            key.verify(encode_dss_signature(r, s), digest, row.ecdsa)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def is_message_signature(key: PublicKey, message: Message, signature: bytes) -> bool:
    """Tell whether the signature over a message is valid: Ed25519 (RFC 8032), ML-DSA (FIPS 204 algorithm 3)."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message.value)
        elif not isinstance(key, MlDsaPublicKey):
            return False
        elif message.is_mu:
            key.verify_mu(signature, message.value)
        else:
            key.verify(signature, message.value, message.context or None)
    except InvalidSignature:
        return False
    return True


def encapsulate(key: PublicKey) -> tuple[bytes, bytes]:
    """Return (ciphertext, shared secret of 32 bytes) of FIPS 203 algorithm 20. Raises `BadParameter`."""
    if not isinstance(key, MlKemPublicKey):
        raise BadParameter("only ML-KEM keys encapsulate")
    secret, ciphertext = key.encapsulate()
    return ciphertext, secret


def encrypt(key: PublicKey, row: Encrypting, plaintext: bytes) -> bytes:
    """One block. Raises `BadParameter` when the plaintext is too long for it."""
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadParameter("only RSA keys encrypt")
    try:
        return key.encrypt(plaintext, row.padding)
    except ValueError:
        raise BadParameter("the value is longer than one block of this key") from None
