"""keyverify: verifies a key statement of Vault Portal offline. One file: Python's standard library and `cryptography`.

    python keyverify.py FILE --root ROOT [--expect FIELD=VALUE]... [--json]

FILE: the answer of `GET /keys/{name}/{version}/attestation`, or its `attestation`, as JSON. ROOT: the certificate of
the security world's statement authority (a PEM file), or its SHA-256 in hexadecimal, which the ceremony printed. Take
it from security operations, not from FILE. Exit status: 0 when all is good, 1 when it is not, 2 for wrong arguments.

A statement is a compact JWS (RFC 7515) with ES256 over canonical JSON. Its certificate is the first of a chain of two;
the second is the authority's. The server makes statements with the functions of this file. Format: docs/api.md.
"""

import argparse
import base64
import binascii
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

VERSION = "1"  # `version` of the attestation
TYPE = "vault-portal/key-statement/1"
JWS_TYPE = "vault-portal-key-statement+jws"
AUTHORITY_NAME, SIGNER_NAME = "Key statement authority of world {}", "Key statements of world {}"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_LARGEST_FILE, _LARGEST_CHAIN = 1 << 20, 2
_P256 = 32  # bytes of a number

_FLAG = (bool, type(None))  # None: the HSM does not report it
ATTRIBUTES = (  # CKA_*, PKCS#11 3.0 sections 4.9 and 4.10
    "SENSITIVE", "EXTRACTABLE", "ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL", "PRIVATE", "TOKEN", "MODIFIABLE",
)  # fmt: skip
# What a statement has: each name with the types of its value, or the names below it. Nothing else is accepted.
_FLAGS = dict.fromkeys(ATTRIBUTES, _FLAG)
_SHAPE: dict[str, Any] = {
    "type": (str,),
    "time": (str,),
    "world": {"name": (str,), "generation": (int,)},
    "token": {"manufacturer": (str,), "model": (str,), "serial": (str,), "label": (str,)},
    "vault": {"id": (str,), "name": (str,)},
    "key": {
        "name": (str,), "version": (str,), "type": (str,), "parameter": (str,), "operations": (list,),
        "exportable": (bool,), "origin": (str,), "restored": (bool,), "public_key": (str, type(None)),
    },
    "object": _FLAGS,
    "wrapping_keys": [{"role": (str,), "check_value": (str,), **_FLAGS}],
}  # fmt: skip


class BadStatement(Exception):
    """The statement is not one of the authority; the message tells why."""


# --- Making ---


def signing_input(payload: Mapping[str, Any], certificate: bytes) -> bytes:
    """Build what the statement key signs: header and payload of the JWS. `certificate`: DER, of the statement key."""
    return b".".join(_to_base64url(_canonical(part)) for part in (_header(certificate), payload))


def join(signed: bytes, signature: bytes) -> bytes:
    """Complete the JWS with the signature, r and s side by side (RFC 7518 section 3.4)."""
    return signed + b"." + _to_base64url(signature)


# --- Verifying ---


def verify(statement: bytes, chain: bytes, *, root: bytes) -> dict[str, Any]:
    """Verify a statement with its chain (PEM), and return what it says. `root`: SHA-256 of the authority's certificate.

    Raises `BadStatement`.
    """
    signer, authority = _load_chain(chain, root)
    parts = statement.split(b".")
    if len(parts) != 3:
        raise BadStatement("the statement is not a compact JWS")
    header = _load_canonical(parts[0], "header")
    payload: dict[str, Any] = _load_canonical(parts[1], "payload")
    if header != _header(signer.public_bytes(serialization.Encoding.DER)):
        raise BadStatement("the header does not name ES256 and the certificate of the statement")
    _check_signature(signer, b".".join(parts[:2]), _from_base64url(parts[2], "signature"))
    _check_shape(payload, _SHAPE, "statement")
    if payload["type"] != TYPE:
        raise BadStatement(f"the statement is of another type: {payload['type'][:60]}")
    _check_names(payload["world"]["name"], signer, authority)
    _check_time(payload["time"], signer, authority)
    return payload


def findings(payload: Mapping[str, Any]) -> Iterator[str]:
    """Find what a genuine statement says against the protection of the key."""
    objects = {"the key": payload["object"]}
    objects |= {f"the wrapping key {key['role']}": key for key in payload["wrapping_keys"]}
    if len(objects) == 1:
        yield "no wrapping key is named"
    for name, attributes in objects.items():
        if attributes["SENSITIVE"] is not True:
            yield f"{name} is not sensitive"
        if attributes["EXTRACTABLE"] is not False:
            yield f"{name} is extractable"
    for name, attributes in list(objects.items())[1:]:
        for attribute, words in (
            ("NEVER_EXTRACTABLE", "may have been extractable"),
            ("ALWAYS_SENSITIVE", "may have been readable"),
            ("LOCAL", "was not generated in the HSM"),
        ):
            if attributes[attribute] is not True:
                yield f"{name} {words}"


def differences(bundle: Mapping[str, Any], payload: Mapping[str, Any]) -> Iterator[str]:
    """Find differences between the key bundle around a statement (RFC 7517) and the statement."""
    jwk, key = bundle["key"], payload["key"]
    if [part.lower() for part in str(jwk.get("kid", "")).split("/")[-2:]] != [key["name"].lower(), key["version"]]:
        yield "the bundle is of another key or version"
    if sorted(jwk.get("key_ops", [])) != sorted(key["operations"]):
        yield "the bundle has other operations"
    if jwk.get("kty") != f"{key['type']}-HSM":
        yield "the bundle has another key type"
    if key["public_key"] is not None and _numbers_of(jwk) != _numbers_in(key["public_key"]):
        yield "the bundle has another public key"


def unmet(payload: Mapping[str, Any], expected: Sequence[str]) -> Iterator[str]:
    """Find the expectations (`key.origin=generated`) that a statement does not meet."""
    for expectation in expected:
        path, _, value = expectation.partition("=")
        found: Any = payload
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        text = found if isinstance(found, str) else json.dumps(found)
        if text != value:
            yield f"{path} is {text}, not {value}"


def _load_chain(chain: bytes, root: bytes) -> tuple[x509.Certificate, x509.Certificate]:
    """Return (certificate of the statement key, the authority's), of which the second has signed both."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
        if len(certificates) != _LARGEST_CHAIN:
            raise BadStatement("the chain must have two certificates")
        signer, authority = certificates
        if authority.fingerprint(hashes.SHA256()) != root:
            raise BadStatement("the chain does not end in the given authority")
        authority.verify_directly_issued_by(authority)
        signer.verify_directly_issued_by(authority)
        roles = [one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca for one in certificates]
        usages = [one.extensions.get_extension_for_class(x509.KeyUsage).value for one in certificates]
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound) as error:
        raise BadStatement("the chain is not a certificate and the authority that signed it") from error
    if roles != [False, True] or not usages[0].digital_signature or not usages[1].key_cert_sign:
        raise BadStatement("the certificates are not those of a statement key and its authority")
    return signer, authority


def _check_signature(signer: x509.Certificate, signed: bytes, signature: bytes) -> None:
    key = signer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadStatement("the statement key is not on P-256")
    if len(signature) != 2 * _P256:
        raise BadStatement("the signature has another length")
    r, s = int.from_bytes(signature[:_P256]), int.from_bytes(signature[_P256:])
    try:
        key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise BadStatement("the signature is not valid: the statement was altered, or is of another key") from None


def _check_names(world: str, signer: x509.Certificate, authority: x509.Certificate) -> None:
    expected = [f"CN={name.format(world)}" for name in (SIGNER_NAME, AUTHORITY_NAME)]
    if [one.subject.rfc4514_string() for one in (signer, authority)] != expected:
        raise BadStatement("the certificates are of another security world")


def _check_time(text: str, *certificates: x509.Certificate) -> None:
    try:
        time = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise BadStatement("the statement has no time") from None
    if not all(one.not_valid_before_utc <= time <= one.not_valid_after_utc for one in certificates):
        raise BadStatement("the statement was made outside the validity of its certificates")


def _check_shape(value: Any, shape: Any, name: str) -> None:
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise BadStatement(f"{name} is not a list")
        for item in value:
            _check_shape(item, shape[0], name)
    elif isinstance(shape, dict):
        if not isinstance(value, dict) or value.keys() != shape.keys():
            raise BadStatement(f"{name} does not have exactly {', '.join(sorted(shape))}")
        for key, below in shape.items():
            _check_shape(value[key], below, key)
    elif type(value) not in shape:
        raise BadStatement(f"{name} is not what it should be")


def _header(certificate: bytes) -> dict[str, str]:
    thumbprint = _to_base64url(hashlib.sha256(certificate).digest()).decode()
    return {"alg": "ES256", "typ": JWS_TYPE, "x5t#S256": thumbprint}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _load_canonical(encoded: bytes, name: str) -> Any:
    """Load JSON that is written in one way only: two readers cannot take it for different things."""
    data = _from_base64url(encoded, name)
    try:
        value = json.loads(data)
        is_canonical = _canonical(value) == data
    except (ValueError, RecursionError):
        is_canonical = False
    if not is_canonical:
        raise BadStatement(f"the {name} is not canonical JSON")
    return value


def _to_base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _from_base64url(encoded: bytes, name: str) -> bytes:
    try:
        data = base64.b64decode(encoded + b"=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        data = b""
    if not data or _to_base64url(data) != encoded:
        raise BadStatement(f"the {name} is not base64url")
    return data


def _numbers_in(public_key: str) -> tuple[int, ...]:
    try:
        key = serialization.load_der_public_key(base64.b64decode(public_key, validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadStatement("the public key cannot be read") from error
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return numbers.n, numbers.e
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = key.public_numbers()
        return point.x, point.y
    if isinstance(key, ed25519.Ed25519PublicKey):
        return (int.from_bytes(key.public_bytes_raw()),)
    raise BadStatement("the public key is neither RSA nor EC nor Ed25519")


def _numbers_of(jwk: Mapping[str, Any]) -> tuple[int, ...]:
    names = ("n", "e") if "n" in jwk else ("x",) if jwk.get("kty") == "OKP-HSM" else ("x", "y")
    return tuple(int.from_bytes(_from_text(jwk.get(name), f"key.{name}")) for name in names)


# --- The command ---


def read(path: Path) -> tuple[bytes, bytes, dict[str, Any] | None]:
    """Read (statement, chain, key bundle if the file is one) from a file. Raises `BadStatement`."""
    try:
        with path.open("rb") as file:
            loaded = json.loads(file.read(_LARGEST_FILE))
        bundle = loaded if "key" in loaded else None
        attestation = loaded["attributes"]["attestation"] if "attributes" in loaded else loaded
        return _member(attestation, "privateKeyAttestation"), _member(attestation, "certificatePemFile"), bundle
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadStatement(f"{path} is not the answer to a request for a key attestation") from error


def read_root(text: str) -> bytes:
    """Read the SHA-256 of a certificate from a PEM file, or from hexadecimal digits. Raises `ValueError`."""
    path = Path(text)
    if path.is_file():
        return x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(hashes.SHA256())
    digest = bytes.fromhex(text.replace(":", ""))
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("a SHA-256 has 64 hexadecimal digits")
    return digest


def main(words: Sequence[str]) -> int:
    """Run the command. Return 0 when all is good, 1 when there are problems."""
    parser = argparse.ArgumentParser(prog="keyverify", description="Verify a key statement of Vault Portal.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--root", type=read_root, required=True, help="the authority's certificate, or its SHA-256")
    parser.add_argument("--expect", action="append", default=[], metavar="FIELD=VALUE", help="key.origin=generated")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(words)
    payload: dict[str, Any] | None = None
    try:
        statement, chain, bundle = read(arguments.file)
        payload = verify(statement, chain, root=arguments.root)
        problems = [*findings(payload), *unmet(payload, arguments.expect)]
        problems += differences(bundle, payload) if bundle else []
    except Exception as error:  # noqa: BLE001  the file is a stranger's; a traceback is no verdict
        is_ours = isinstance(error, BadStatement)
        problems = [str(error) if is_ours else f"the file cannot be read ({type(error).__name__})"]
    if arguments.json:
        shown = {"good": not problems, "problems": problems, "statement": payload}
        sys.stdout.write(json.dumps(shown, indent=1) + "\n")
    else:
        _print(*([] if payload is None else summary(payload)), *problems)
        _print("the statement is NOT good" if problems else "the statement is good")
    return 1 if problems else 0


def summary(payload: Mapping[str, Any]) -> list[str]:
    """Say in lines what a statement says."""
    key, vault, world, token = payload["key"], payload["vault"], payload["world"], payload["token"]
    origin = key["origin"] + (", restored from a backup" if key["restored"] else "")
    return [
        f"key         {key['name']}/{key['version']} in vault {vault['name']} ({vault['id']})",
        f"type        {key['type']} {key['parameter']}, {' '.join(key['operations'])}",
        f"origin      {origin}",
        f"exportable  {'yes, by secure key release' if key['exportable'] else 'no'}",
        f"HSM         {token['manufacturer']} {token['model']}, serial {token['serial']}",
        f"world       {world['name']}, generation {world['generation']}",
        f"stated      {payload['time']}",
    ]


def _member(attestation: Mapping[str, Any], name: str) -> bytes:
    return _from_text(attestation[name], name)


def _from_text(text: Any, name: str) -> bytes:
    """Decode base64url, or base64 as some programs write bytes into JSON."""
    if not isinstance(text, str):
        raise BadStatement(f"{name} is missing")
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    return _from_base64url(plain.encode("ascii", "replace"), name)


def _print(*lines: str) -> None:
    """Print lines without control characters, which names may contain."""
    for line in lines:
        print("".join(letter if letter.isprintable() else "?" for letter in line), flush=True)  # noqa: T201  ours


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
