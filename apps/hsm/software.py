"""Software-protected keys: `cryptography` makes and uses them in this process; at rest the vault key seals them.

They serve tests with the same API. The private half is in this process's memory for one operation.
"""

import os
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from apps.hsm import public_keys
from apps.hsm.algorithms import Encrypting, Signing
from apps.hsm.errors import BadCiphertext, BadParameter
from apps.hsm.types import AES_BITS, ED25519, RSA_BITS, Binding, KeyType, Message

MlDsaPrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
MlKemPrivateKey = mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey
PrivateKey = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | MlDsaPrivateKey | MlKemPrivateKey
)
_LONGEST_RSA = 4096  # bits
# The types whose parameter says everything about a key.
_CLASSES: dict[tuple[KeyType, str], Any] = {
    (KeyType.OKP, ED25519): ed25519.Ed25519PrivateKey,
    (KeyType.AKP, "ML-DSA-44"): mldsa.MLDSA44PrivateKey,
    (KeyType.AKP, "ML-DSA-65"): mldsa.MLDSA65PrivateKey,
    (KeyType.AKP, "ML-DSA-87"): mldsa.MLDSA87PrivateKey,
    (KeyType.AKP, "ML-KEM-768"): mlkem.MLKEM768PrivateKey,
    (KeyType.AKP, "ML-KEM-1024"): mlkem.MLKEM1024PrivateKey,
}


def generate(binding: Binding, *, public_exponent: int = 65537) -> tuple[bytes, bytes]:
    """Generate (SPKI, PKCS#8 DER), for oct (b"", bytes). Raises `BadParameter` for an unsupported type."""
    key: PrivateKey
    if binding.key_type is KeyType.OCT and binding.parameter in AES_BITS:
        return b"", os.urandom(int(binding.parameter) // 8)
    if binding.key_type is KeyType.RSA and binding.parameter in RSA_BITS:
        if public_exponent not in (3, 65537):
            raise BadParameter("a software-protected RSA key has the public exponent 65537 or 3")
        key = rsa.generate_private_key(public_exponent=public_exponent, key_size=int(binding.parameter))
    elif binding.key_type is KeyType.EC and binding.parameter in public_keys.CURVES:
        key = ec.generate_private_key(public_keys.CURVES[binding.parameter])
    elif (binding.key_type, binding.parameter) in _CLASSES:
        key = _CLASSES[binding.key_type, binding.parameter].generate()
    else:
        raise BadParameter(f"no software key of type {binding.key_type} {binding.parameter}")
    pkcs8 = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return public_keys.dump(key.public_key()), pkcs8


def public_half(binding: Binding, material: bytes) -> bytes:
    """SPKI of imported material, b"" for oct. Raises `BadParameter` unless it is what the binding says."""
    if binding.key_type is KeyType.OCT:
        if binding.parameter not in AES_BITS or len(material) * 8 != int(binding.parameter):
            raise BadParameter(f"the key is not an AES key of {binding.parameter} bits")
        return b""
    try:
        unchecked = serialization.load_der_private_key(material, password=None, unsafe_skip_rsa_key_validation=True)
        # The check looks whether p and q are primes, which takes minutes for numbers that are too long for any key.
        if isinstance(unchecked, rsa.RSAPrivateKey) and not _are_factors(unchecked.private_numbers()):
            raise BadParameter("the private key is not valid")
        key = serialization.load_der_private_key(material, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadParameter("the private key is not valid") from None
    if not isinstance(key, PrivateKey) or not _fits(key, binding):
        raise BadParameter(f"the private key is not {binding.key_type} {binding.parameter}")
    return public_keys.dump(key.public_key())


def _fits(key: PrivateKey, binding: Binding) -> bool:
    if binding.key_type is KeyType.RSA:
        return isinstance(key, rsa.RSAPrivateKey) and str(key.key_size) == binding.parameter and key.key_size % 8 == 0
    if binding.key_type is KeyType.EC:
        curve = public_keys.CURVES.get(binding.parameter)
        return isinstance(key, ec.EllipticCurvePrivateKey) and curve is not None and key.curve.name == curve.name
    expected = _CLASSES.get((binding.key_type, binding.parameter))
    return expected is not None and isinstance(key, expected)


def _are_factors(numbers: rsa.RSAPrivateNumbers) -> bool:
    modulus = numbers.public_numbers.n
    return modulus.bit_length() <= _LONGEST_RSA and numbers.p * numbers.q == modulus and 1 < numbers.p < modulus


def sign(pkcs8: bytes, row: Signing, digest: bytes) -> bytes:
    """Sign a digest; EC as raw r||s (RFC 7518 section 3.4)."""
    key = _load(pkcs8)
    if isinstance(key, rsa.RSAPrivateKey):
        if row.padding is None:
            raise BadParameter("an RSA key needs an RSA algorithm")
        return key.sign(digest, row.padding, Prehashed(row.digest))
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadParameter("only RSA and EC keys sign a digest")
    r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(row.digest))))
    width = public_keys.coordinate_bytes(row.curve)
    return r.to_bytes(width) + s.to_bytes(width)


def sign_message(pkcs8: bytes, message: Message) -> bytes:
    """Sign with Ed25519 (RFC 8032) or ML-DSA (FIPS 204 algorithm 2, hedged). Raises `BadParameter`."""
    key = _load(pkcs8)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message.value)
    if not isinstance(key, MlDsaPrivateKey):
        raise BadParameter("only Ed25519 and ML-DSA keys sign a message")
    return key.sign_mu(message.value) if message.is_mu else key.sign(message.value, message.context or None)


def decapsulate(pkcs8: bytes, ciphertext: bytes) -> bytes:
    """Return the shared secret (FIPS 203 algorithm 21). A ciphertext that nobody made for this key gives another
    secret, not an error (implicit rejection). Raises `BadParameter`, `BadCiphertext` for a wrong length.
    """
    key = _load(pkcs8)
    if not isinstance(key, MlKemPrivateKey):
        raise BadParameter("only ML-KEM keys decapsulate")
    try:
        return key.decapsulate(ciphertext)
    except ValueError:
        raise BadCiphertext from None


def decrypt(pkcs8: bytes, row: Encrypting, ciphertext: bytes) -> bytes:
    """One RSA block. Raises `BadCiphertext`. RSA1_5: OpenSSL's implicit rejection gives random bytes instead."""
    key = _load(pkcs8)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise BadParameter("only RSA keys decrypt")
    try:
        return key.decrypt(ciphertext, row.padding)
    except ValueError:
        raise BadCiphertext from None


def _load(pkcs8: bytes) -> PrivateKey:
    # The blob is authenticated by the vault key and bound by the world's HMAC; checking the primes again would cost
    # more than the operation itself.
    key = serialization.load_der_private_key(pkcs8, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, PrivateKey):
        raise BadParameter("the private key is of no type that vaults have")
    return key
