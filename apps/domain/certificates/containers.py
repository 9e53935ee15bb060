"""Imported certificates: a PFX (RFC 7292) or PEM with a private key. Pure.

A PFX itself contains the number of rounds that its password is hashed; it is checked first, for 2^31 rounds would
block a thread for an hour.
"""

import base64
import binascii
import re
from typing import Any, NamedTuple

from asn1crypto import pkcs12 as asn1
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from apps.domain.certificates.policy import PEM, PKCS12
from apps.domain.certificates.x509 import BadCertificate, PrivateKey, check_size, public_key_of, spki

_MOST_ROUNDS = 1_000_000
_WRONG = "The certificate cannot be read: it is no PFX or PEM with a private key, or the password is wrong."


class ImportedCertificate(NamedTuple):
    """A private key with its chain: its own certificate first."""

    key: PrivateKey
    chain: list[x509.Certificate]
    content_type: str  # of the import


def parse_container(value: str, *, password: str | None) -> ImportedCertificate:
    """Parse an import's `value`: base64 of a PFX, PEM text, or base64 of PEM text. Raises `BadCertificate`."""
    data = value.encode("utf-8", "replace")
    if not data.lstrip().startswith(b"-----BEGIN"):
        try:
            data = base64.b64decode("".join(value.split()) + "=" * (-len("".join(value.split())) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise BadCertificate(_WRONG) from None
    secret = password.encode("utf-8") if password else None
    if data.lstrip().startswith(b"-----BEGIN"):
        return _ordered(*_read_pem(data, secret), content_type=PEM)
    return _ordered(*_read_pfx(data, secret), content_type=PKCS12)


def _read_pfx(data: bytes, password: bytes | None) -> tuple[Any, list[x509.Certificate]]:
    _check_rounds(data)
    for candidate in (password, b"" if password is None else password):
        try:
            key, leaf, others = pkcs12.load_key_and_certificates(data, candidate)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        return key, ([leaf] if leaf is not None else []) + list(others)
    raise BadCertificate(_WRONG)


def _check_rounds(data: bytes) -> None:
    """Raise `BadCertificate` when a part of the PFX needs too many rounds."""
    try:
        pfx = asn1.Pfx.load(data, strict=True)
        rounds = [pfx["mac_data"]["iterations"].native] if pfx["mac_data"].native else []
        for content in pfx.authenticated_safe:
            rounds.extend(_content_rounds(content))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadCertificate(_WRONG) from None
    if any(type(count) is not int or count > _MOST_ROUNDS for count in rounds):
        raise BadCertificate(f"The PFX hashes its password more than {_MOST_ROUNDS} times.")


def _content_rounds(content: Any) -> list[Any]:
    if content["content_type"].native == "encrypted_data":
        info = content["content"]["encrypted_content_info"]
        return [_rounds(info["content_encryption_algorithm"])]
    safe = asn1.SafeContents.load(content["content"].native)
    bags = (bag for bag in safe if bag["bag_id"].native == "pkcs8_shrouded_key_bag")
    return [_rounds(bag["bag_value"]["encryption_algorithm"]) for bag in bags]


def _rounds(algorithm: Any) -> Any:
    parameters = algorithm["parameters"]
    if algorithm["algorithm"].native == "pbes2":
        return parameters["key_derivation_func"]["parameters"]["iteration_count"].native
    return parameters["iterations"].native


def _read_pem(data: bytes, password: bytes | None) -> tuple[Any, list[x509.Certificate]]:
    try:
        chain = x509.load_pem_x509_certificates(data)
        blocks = (block.start() for block in re.finditer(b"-----BEGIN", data))
        at = next(at for at in blocks if b"PRIVATE KEY-----" in data[at : at + 64])
        return serialization.load_pem_private_key(data[at:], password), chain
    except (ValueError, TypeError, StopIteration, UnsupportedAlgorithm):
        raise BadCertificate(_WRONG) from None


def _ordered(key: Any, chain: list[x509.Certificate], *, content_type: str) -> ImportedCertificate:
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) or not 1 <= len(chain) <= 16:
        raise BadCertificate("The import needs an RSA or EC private key and up to 16 certificates.")
    own = spki(key.public_key())
    leaf = next((one for one in chain if spki(public_key_of(one)) == own), None)
    if leaf is None:
        raise BadCertificate("No certificate of the import belongs to its private key.")
    return ImportedCertificate(key, check_size([leaf, *(one for one in chain if one is not leaf)]), content_type)
