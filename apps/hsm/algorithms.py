"""JWA names to PKCS#11 mechanisms and to `cryptography`: one row per algorithm, adding one is adding a row.

Sources: RFC 7518 sections 3 and 4, RFC 8037, RFC 9964, RFC 8017 (RSA), PKCS#11 3.0 sections 2.1 and 2.3; DigestInfo
prefixes from RFC 8017 section 9.2 note 1.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import padding as schemes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from pkcs11 import MGF, Mechanism

from apps.hsm.errors import UnsupportedAlgorithm
from apps.hsm.types import ED25519, ML_DSA, KeyType


class Mode(Enum):
    """Modes of AES (NIST SP 800-38A, 800-38D; RFC 5652 section 6.3 for the padding; RFC 3394)."""

    GCM = "GCM"
    CBC = "CBC"  # filled up with zeros, given back filled up
    CBC_PAD = "CBCPAD"
    KEY_WRAP = "KW"


@dataclass(frozen=True, slots=True)
class Signing:
    """How an algorithm signs a digest."""

    key_type: KeyType
    digest: hashes.HashAlgorithm
    mechanism: Mechanism
    parameter: Any = None  # mechanism parameter
    prefix: bytes = b""  # DigestInfo before the digest (RS*)
    padding: schemes.AsymmetricPadding | None = None  # for `cryptography`; None: ECDSA
    curve: str = ""  # EC: the only curve that it fits
    ecdsa: ec.ECDSA | None = None  # EC, for `cryptography`


@dataclass(frozen=True, slots=True)
class Encrypting:
    """How an algorithm encrypts one RSA block."""

    mechanism: Mechanism
    parameter: Any
    padding: schemes.AsymmetricPadding


@dataclass(frozen=True, slots=True)
class Symmetric:
    """How an AES algorithm encrypts or wraps; `parameter` is the only key size that it fits, in bits."""

    parameter: str
    mode: Mode


@dataclass(frozen=True, slots=True)
class Authenticating:
    """How an HMAC algorithm signs (RFC 2104)."""

    digest: hashes.HashAlgorithm
    mechanism: Mechanism


@dataclass(frozen=True, slots=True)
class MessageSigning:
    """How an algorithm signs a whole message; `parameter` is the only one that it fits."""

    key_type: KeyType
    parameter: str


_PREFIXES = {
    256: bytes.fromhex("3031300d060960864801650304020105000420"),
    384: bytes.fromhex("3041300d060960864801650304020205000430"),
    512: bytes.fromhex("3051300d060960864801650304020305000440"),
}
_DIGESTS: dict[int, hashes.HashAlgorithm] = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}
_PSS = {
    256: (Mechanism.SHA256, MGF.SHA256, 32),
    384: (Mechanism.SHA384, MGF.SHA384, 48),
    512: (Mechanism.SHA512, MGF.SHA512, 64),
}


def _rs(bits: int) -> Signing:
    return Signing(KeyType.RSA, _DIGESTS[bits], Mechanism.RSA_PKCS, prefix=_PREFIXES[bits], padding=schemes.PKCS1v15())


def _ps(bits: int) -> Signing:
    digest = _DIGESTS[bits]
    pss = schemes.PSS(mgf=schemes.MGF1(digest), salt_length=digest.digest_size)
    return Signing(KeyType.RSA, digest, Mechanism.RSA_PKCS_PSS, parameter=_PSS[bits], padding=pss)


def _es(bits: int, curve: str) -> Signing:
    digest = _DIGESTS[bits]
    return Signing(KeyType.EC, digest, Mechanism.ECDSA, curve=curve, ecdsa=ec.ECDSA(Prehashed(digest)))


SIGNING: dict[str, Signing] = {
    "RS256": _rs(256),
    "RS384": _rs(384),
    "RS512": _rs(512),
    "PS256": _ps(256),
    "PS384": _ps(384),
    "PS512": _ps(512),
    "ES256": _es(256, "P-256"),
    "ES256K": _es(256, "P-256K"),
    "ES384": _es(384, "P-384"),
    "ES512": _es(512, "P-521"),
}


def rsa_oaep(digest: hashes.HashAlgorithm, mechanism: Mechanism, mgf: MGF) -> Encrypting:
    """The row of OAEP with one hash for label and mask (RFC 8017 section 7.1)."""
    padding = schemes.OAEP(mgf=schemes.MGF1(digest), algorithm=digest, label=None)
    return Encrypting(Mechanism.RSA_PKCS_OAEP, (mechanism, mgf, None), padding)


ENCRYPTING: dict[str, Encrypting] = {
    "RSA1_5": Encrypting(Mechanism.RSA_PKCS, None, schemes.PKCS1v15()),
    "RSA-OAEP": rsa_oaep(hashes.SHA1(), Mechanism.SHA_1, MGF.SHA1),  # noqa: S303  SHA-1: RFC 7518 section 4.3
    "RSA-OAEP-256": rsa_oaep(hashes.SHA256(), Mechanism.SHA256, MGF.SHA256),
}


SYMMETRIC: dict[str, Symmetric] = {
    f"A{bits}{mode.value}": Symmetric(bits, mode) for bits in ("128", "192", "256") for mode in Mode
}

AUTHENTICATING: dict[str, Authenticating] = {
    "HS256": Authenticating(hashes.SHA256(), Mechanism.SHA256_HMAC),
    "HS384": Authenticating(hashes.SHA384(), Mechanism.SHA384_HMAC),
    "HS512": Authenticating(hashes.SHA512(), Mechanism.SHA512_HMAC),
}


MESSAGE_SIGNING: dict[str, MessageSigning] = {
    "EdDSA": MessageSigning(KeyType.OKP, ED25519),  # RFC 8037 section 3.1
    "Ed25519": MessageSigning(KeyType.OKP, ED25519),  # RFC 9864 section 2.2: the same, fully specified
    **{name: MessageSigning(KeyType.AKP, name) for name in ML_DSA},  # RFC 9964
}


def symmetric(algorithm: str, *, parameter: str) -> Symmetric:
    """Find the row for an AES key of this size. Raises `UnsupportedAlgorithm`."""
    row = SYMMETRIC.get(algorithm)
    if row is None or row.parameter != parameter:
        raise UnsupportedAlgorithm(f"{algorithm[:40]} does not encrypt with an AES key of {parameter} bits")
    return row


def authenticating(algorithm: str) -> Authenticating:
    """Find the row. Raises `UnsupportedAlgorithm`."""
    row = AUTHENTICATING.get(algorithm)
    if row is None:
        raise UnsupportedAlgorithm(f"{algorithm[:40]} does not sign with an oct key")
    return row


def message_signing(algorithm: str, *, key_type: KeyType, parameter: str) -> MessageSigning:
    """Find the row that fits the key. Raises `UnsupportedAlgorithm`."""
    row = MESSAGE_SIGNING.get(algorithm)
    if row is None or row.key_type is not key_type or row.parameter != parameter:
        raise UnsupportedAlgorithm(f"{algorithm[:40]} does not sign with a key of type {key_type} {parameter}")
    return row


def signing(algorithm: str, *, key_type: KeyType, parameter: str) -> Signing:
    """Find the row that fits the key. Raises `UnsupportedAlgorithm`."""
    row = SIGNING.get(algorithm)
    if row is None or row.key_type is not key_type or row.curve not in ("", parameter):
        raise UnsupportedAlgorithm(f"{algorithm[:40]} does not sign with a key of type {key_type} {parameter}")
    return row


def encrypting(algorithm: str, *, key_type: KeyType) -> Encrypting:
    """Find the row that fits the key. Raises `UnsupportedAlgorithm`."""
    row = ENCRYPTING.get(algorithm)
    if row is None or key_type is not KeyType.RSA:
        raise UnsupportedAlgorithm(f"{algorithm[:40]} does not encrypt with a key of type {key_type}")
    return row
