"""Whether an answer is right, found with `cryptography` and the public half of the key."""

from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from benchmarks.scenarios import WrongAnswer

OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
_PREHASHED = Prehashed(hashes.SHA256())


def base64url(data: bytes) -> str:
    """Without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def base64(data: bytes) -> str:
    return b64encode(data).decode()


def from_base64(text: str) -> bytes:
    return b64decode(text)


def rsa_key(*, modulus: bytes, exponent: bytes) -> rsa.RSAPublicKey:
    """The public half in a JWK (RFC 7518 section 6.3.1)."""
    return rsa.RSAPublicNumbers(int.from_bytes(exponent), int.from_bytes(modulus)).public_key()


def p256_key(*, x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    """The public half in a JWK (RFC 7518 section 6.2.1)."""
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()).public_key()


def demand_rs256(key: rsa.RSAPublicKey, digest: bytes, signature: bytes) -> None:
    """Raises `WrongAnswer` unless this is the RSASSA-PKCS1-v1_5 signature of a SHA-256 digest."""
    try:
        key.verify(signature, digest, padding.PKCS1v15(), _PREHASHED)
    except InvalidSignature:
        raise WrongAnswer("an RSA signature does not verify") from None


def demand_es256(key: ec.EllipticCurvePublicKey, digest: bytes, signature: bytes) -> None:
    """Raises `WrongAnswer` unless this is the ECDSA signature r || s of a SHA-256 digest (RFC 7518 section 3.4)."""
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    try:
        key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(_PREHASHED))
    except InvalidSignature:
        raise WrongAnswer("an ECDSA signature does not verify") from None


def demand(condition: bool, sentence: str) -> None:
    """Raises `WrongAnswer` with the sentence unless the condition holds."""
    if not condition:
        raise WrongAnswer(sentence)
