"""Imported certificates: a PFX (RFC 7292) or PEM with a private key.

Keys and PFX are read by a process of their own, since their passwords may ask for any amount of work.
"""

import base64
import binascii
import json
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from apps.core.foreign_certificates import UnreadableCertificate, read_blocks, read_certificate
from apps.core.limited_process import TooMuchWork, run_limited
from apps.core.pem import BadPem, Block, is_pem, read_pem
from apps.domain.certificates import unlocking
from apps.domain.certificates.container_work import MOST_ROUNDS, is_too_much
from apps.domain.certificates.policy import PEM, PKCS12
from apps.domain.certificates.x509 import BadCertificate, PrivateKey, check_size, ordered_chain

_UNLOCKING = "apps.domain.certificates.unlocking"
_MOST_CERTIFICATES = 16
_PARAMETERS = frozenset({"EC PARAMETERS"})  # OpenSSL writes the curve once more in front of an EC key
_ERRORS = {
    unlocking.UNREADABLE: "The import's private key, or its PFX, is damaged.",
    unlocking.PASSWORD: "The password is wrong, or the import is damaged.",
    unlocking.PASSWORD_NEEDED: "The import is no PFX, or it is protected by a password and none was sent ('pwd').",
    unlocking.NO_KEY: "The PFX has no private key.",
    unlocking.KEY_KIND: "The import's private key must be RSA of 2048, 3072 or 4096 bits, or EC on a known curve.",
}


class ImportedCertificate(NamedTuple):
    """A private key with its own certificate, and the chain as the secret has it: that certificate among them."""

    key: PrivateKey
    leaf: x509.Certificate
    chain: list[x509.Certificate]
    content_type: str  # of the import


def parse_container(value: str, *, password: str | None, preserve_order: bool = False) -> ImportedCertificate:
    """Parse an import's `value`: base64 of a PFX, PEM text, or base64 of PEM text.

    The chain has its certificate first, or is in the order of the import. Raises `BadCertificate`, `ParserBusy`.
    """
    data = value.encode("utf-8", "replace")
    if not is_pem(data):
        data = _from_base64(value)
    if is_pem(data):
        key, certificates = _read_pem(data, password)
        content_type, known_order = PEM, True
    else:
        key, certificates, known_order = _read_pfx(data, password)
        content_type = PKCS12
    if not 1 <= len(certificates) <= _MOST_CERTIFICATES:
        raise BadCertificate(
            f"The import needs from 1 to {_MOST_CERTIFICATES} certificates; it has {len(certificates)}."
        )
    if preserve_order and not known_order and len(certificates) > 1:
        raise BadCertificate(
            "The order of the certificates in this PFX cannot be read. Encrypt it with AES, or send PEM."
        )
    leaf, chain = ordered_chain(certificates, key.public_key(), preserve_order=preserve_order)
    if leaf is None:
        raise BadCertificate("No certificate of the import belongs to its private key.")
    return ImportedCertificate(key, leaf, check_size(chain), content_type)


def _from_base64(value: str) -> bytes:
    text = "".join(value.split()).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadCertificate("The import is neither PEM nor base64: it has no line '-----BEGIN'.") from None


def _read_pfx(data: bytes, password: str | None) -> tuple[PrivateKey, list[x509.Certificate], bool]:
    answer = _unlock(data, data, password, pfx=True)
    try:
        certificates = [read_certificate(base64.b64decode(one)) for one in answer["certificates"]]
    except UnreadableCertificate as error:
        raise BadCertificate(str(error)) from None
    return _load_key(answer), certificates, answer["ordered"]


def _read_pem(data: bytes, password: str | None) -> tuple[PrivateKey, list[x509.Certificate]]:
    try:
        blocks = [block for block in read_pem(data) if block.label not in _PARAMETERS]
        certificates = read_blocks([block for block in blocks if not block.private])
    except (BadPem, UnreadableCertificate) as error:
        raise BadCertificate(str(error)) from None
    return _load_key(_unlock_pem(blocks, password)), certificates


def _unlock_pem(blocks: list[Block], password: str | None) -> dict[str, Any]:
    keys = [block for block in blocks if block.private]
    if len(keys) != 1:
        raise BadCertificate(f"A PEM import needs one private key beside its certificates; it has {len(keys)}.")
    return _unlock(keys[0].der, keys[0].text(), password, pfx=False)


def _unlock(der: bytes, data: bytes, password: str | None, *, pfx: bool) -> dict[str, Any]:
    if is_too_much(der):
        raise BadCertificate(
            f"The import hashes its password more than {MOST_ROUNDS} times, or with too much memory. Protect it anew."
        )
    try:
        answer = json.loads(run_limited(_UNLOCKING, unlocking.question(data, password=password, pfx=pfx)))
    except TooMuchWork:
        raise BadCertificate("The import takes too much work to read. Protect it with fewer rounds.") from None
    if "error" in answer:
        raise BadCertificate(_ERRORS[answer["error"]])
    return dict(answer)


def _load_key(answer: dict[str, Any]) -> Any:
    return serialization.load_der_private_key(base64.b64decode(answer["key"]), password=None)
