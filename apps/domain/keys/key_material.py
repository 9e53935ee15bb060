"""Imported keys in clear: JSON Web Keys with their private parts (RFC 7518 section 6, RFC 8037, RFC 9964), and PEM.

The result is what the HSM worker takes: PKCS#8 in DER, or the bytes of an AES key. Nothing here is stored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, rsa

from apps.core.encoding import from_base64url
from apps.core.errors import BadRequest
from apps.core.pem import BadPem, Block, read_pem
from apps.core.strict_json import loads
from apps.domain.keys.rules import BadKeyParameter

LARGEST_TEXT = 32 * 1024  # an RSA-4096 key is 3 KB as PEM and 4 KB as JWK
_CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "P-256K": ec.SECP256K1(),
}
_AKP: dict[str, Any] = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey,
    "ML-KEM-768": mlkem.MLKEM768PrivateKey,
    "ML-KEM-1024": mlkem.MLKEM1024PrivateKey,
}
# The classes of `cryptography` whose keys have one parameter.
_CLASSES: dict[Any, tuple[str, str]] = {
    ed25519.Ed25519PrivateKey: ("OKP", "Ed25519"),
    **{kind: ("AKP", name) for name, kind in _AKP.items()},
}
_NAMES = {curve.name: name for name, curve in _CURVES.items()}
_RSA_PARTS = ("n", "e", "d", "p", "q", "dp", "dq", "qi")
_SIZES = (2048, 3072, 4096)
_NO_KEY = "This is neither a private key in PEM nor a JSON Web Key."
_NOT_CONSISTENT = "The RSA key is not consistent: its parts do not belong together."


@dataclass(frozen=True, slots=True)
class ImportedKeyMaterial:
    """A key in clear. `operations`: its `key_ops`, None where it names none."""

    key_type: str
    parameter: str
    material: bytes = field(repr=False)
    operations: tuple[str, ...] | None = None


def parse_pem(text: str) -> ImportedKeyMaterial:
    """Parse the content of a key file: JWK or PEM. Raises `BadKeyParameter`."""
    if len(text) > LARGEST_TEXT:
        raise BadKeyParameter("Too large: a key in PEM or JWK format has a few kilobytes.")
    return _read_json(text) if text.lstrip().startswith("{") else _read_pem(text)


def parse_jwk(key_type: str, jwk: Mapping[str, Any]) -> tuple[str, bytes]:
    """Parse a JWK into (size, curve or algorithm, material). Raises `BadKeyParameter`, `BadEncoding`."""
    return _READERS[key_type](jwk)


def _read_json(text: str) -> ImportedKeyMaterial:
    try:
        jwk = loads(text.encode("utf-8", "surrogatepass"))
    except BadRequest:
        raise BadKeyParameter("This is not a JSON Web Key: it is not valid JSON.") from None
    key_type = str(jwk.get("kty", "")).removesuffix("-HSM") if isinstance(jwk, dict) else ""
    if key_type not in _READERS:
        raise BadKeyParameter(f"A JSON Web Key to import has 'kty' {', '.join(_READERS)}.")
    operations = jwk.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and all(isinstance(o, str) for o in operations)):
        raise BadKeyParameter("The property 'key_ops' must be a list of texts.")
    parameter, material = parse_jwk(key_type, jwk)
    return ImportedKeyMaterial(key_type, parameter, material, None if operations is None else tuple(operations))


def _read_pem(text: str) -> ImportedKeyMaterial:
    data = _key_block(text).text()
    try:
        private = serialization.load_pem_private_key(data, password=None, unsafe_skip_rsa_key_validation=True)
        if isinstance(private, rsa.RSAPrivateKey):
            _rsa_size(private.key_size)
            numbers = private.private_numbers()
            if numbers.p * numbers.q != numbers.public_numbers.n:
                raise BadKeyParameter(_NOT_CONSISTENT)
            # Only now are p and q checked to be primes, which takes minutes for huge numbers.
            private = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKeyParameter(_NO_KEY) from None
    if isinstance(private, rsa.RSAPrivateKey):
        if private.public_key().public_numbers().e >= 2**32:
            raise BadKeyParameter("The public exponent of an RSA key to import has up to 32 bits.")
        return ImportedKeyMaterial("RSA", _rsa_size(private.key_size), _pkcs8(private))
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _NAMES:
        return ImportedKeyMaterial("EC", _NAMES[private.curve.name], _pkcs8(private))
    for kind, (key_type, parameter) in _CLASSES.items():
        if isinstance(private, kind):
            return ImportedKeyMaterial(key_type, parameter, _pkcs8(private))
    algorithms = ", ".join(parameter for _, parameter in _CLASSES.values())
    raise BadKeyParameter(f"A key to import is RSA, EC on one of {', '.join(_CURVES)}, or one of {algorithms}.")


def _key_block(text: str) -> Block:
    """The private key of a PEM file; certificates beside it are not part of what is imported."""
    try:
        keys = [block for block in read_pem(text.encode("utf-8", "surrogatepass")) if block.private]
    except BadPem as error:
        raise BadKeyParameter(str(error)) from None
    if not keys:
        raise BadKeyParameter(_NO_KEY)
    if len(keys) > 1:
        raise BadKeyParameter(f"The PEM file holds {len(keys)} private keys. Bring the one to import alone.")
    if keys[0].encrypted:  # deriving a key from its password may take any amount of work
        raise BadKeyParameter("The PEM file is encrypted. Take its password off first: openssl pkey -in FILE.")
    return keys[0]


def _read_rsa(jwk: Mapping[str, Any]) -> tuple[str, bytes]:
    n, e, d, p, q, dp, dq, qi = (_number(jwk, name) for name in _RSA_PARTS)
    size = _rsa_size(n.bit_length())
    if e >= 2**32:
        raise BadKeyParameter("The public exponent of an RSA key to import has up to 32 bits.")
    if p * q != n:  # before the primes are checked, which takes seconds for huge ones
        raise BadKeyParameter(_NOT_CONSISTENT)
    try:
        private = rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, rsa.RSAPublicNumbers(e, n)).private_key()
    except ValueError:
        raise BadKeyParameter(_NOT_CONSISTENT) from None
    return size, _pkcs8(private)


def _read_ec(jwk: Mapping[str, Any]) -> tuple[str, bytes]:
    name = jwk.get("crv")
    if not isinstance(name, str) or name not in _CURVES:
        raise BadKeyParameter(f"The property 'key.crv' must be one of {', '.join(_CURVES)}.")
    x, y, d = (_number(jwk, part) for part in ("x", "y", "d"))
    try:
        private = ec.EllipticCurvePrivateNumbers(d, ec.EllipticCurvePublicNumbers(x, y, _CURVES[name])).private_key()
    except ValueError:
        raise BadKeyParameter("The EC key is not consistent: its parts do not belong together.") from None
    return name, _pkcs8(private)


def _read_oct(jwk: Mapping[str, Any]) -> tuple[str, bytes]:
    material = from_base64url(_text(jwk, "k"), field="key.k")
    if len(material) not in (16, 24, 32):
        raise BadKeyParameter("An oct key to import has 128, 192 or 256 bits.")
    return str(len(material) * 8), material


def _read_okp(jwk: Mapping[str, Any]) -> tuple[str, bytes]:
    """RFC 8037 section 2: `x` is the public, `d` the private key, 32 bytes each."""
    if jwk.get("crv") != "Ed25519":
        raise BadKeyParameter("The property 'key.crv' of a key of type OKP must be Ed25519.")
    return "Ed25519", _pair(jwk, ed25519.Ed25519PrivateKey.from_private_bytes, public="x", private="d")


def _read_akp(jwk: Mapping[str, Any]) -> tuple[str, bytes]:
    """RFC 9964 section 3: `priv` is the seed, of 32 bytes; ML-KEM's has 64 (docs/decisions/0034-key-types.md)."""
    name = jwk.get("alg")
    if not isinstance(name, str) or name not in _AKP:
        raise BadKeyParameter(f"The property 'key.alg' of a key of type AKP must be one of {', '.join(_AKP)}.")
    return name, _pair(jwk, _AKP[name].from_seed_bytes, public="pub", private="priv")


def _pair(jwk: Mapping[str, Any], load: Callable[[bytes], Any], *, public: str, private: str) -> bytes:
    """PKCS#8 of a private key whose public half is the one that the JWK names. Raises `BadKeyParameter`."""
    seed = from_base64url(_text(jwk, private), field=f"key.{private}")
    named = from_base64url(_text(jwk, public), field=f"key.{public}")
    try:
        key = load(seed)
    except ValueError:
        raise BadKeyParameter(f"The property 'key.{private}' does not have the length of such a key.") from None
    if key.public_key().public_bytes_raw() != named:
        raise BadKeyParameter(f"The key is not consistent: 'key.{public}' does not belong to 'key.{private}'.")
    return _pkcs8(key)


_READERS: dict[str, Callable[[Mapping[str, Any]], tuple[str, bytes]]] = {
    "RSA": _read_rsa,
    "EC": _read_ec,
    "oct": _read_oct,
    "OKP": _read_okp,
    "AKP": _read_akp,
}


def _rsa_size(bits: int) -> str:
    if bits not in _SIZES:
        raise BadKeyParameter("An RSA key to import has 2048, 3072 or 4096 bits.")
    return str(bits)


def _number(jwk: Mapping[str, Any], name: str) -> int:
    data = from_base64url(_text(jwk, name), field=f"key.{name}")
    if not 1 <= len(data) <= 520:
        raise BadKeyParameter(f"The property 'key.{name}' is not a number of such a key.")
    return int.from_bytes(data)


def _text(jwk: Mapping[str, Any], name: str) -> str:
    text = jwk.get(name)
    if not isinstance(text, str):
        raise BadKeyParameter(f"The property 'key.{name}' is required and must be a text.")
    return text


def _pkcs8(private: Any) -> bytes:
    data: bytes = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return data
