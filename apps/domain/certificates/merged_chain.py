"""`x5c` of a merge: the certificates that an authority returned, in the forms in which authorities return them. Pure.

Each entry is base64 of DER, of PKCS#7 ("P7B"), or of either as PEM; of base64 once more, as clients do. All
certificates of an entry count.
"""

import base64
import binascii
from collections.abc import Sequence

from cryptography import x509

from apps.core.foreign_certificates import (
    UnreadableCertificate,
    read_certificate,
    read_certificates_pem,
    read_message,
)
from apps.core.pem import is_pem
from apps.domain.certificates.x509 import BadCertificate, check_size

_MOST = 16


def read_x5c(entries: Sequence[str]) -> list[x509.Certificate]:
    """Parse the certificates, in the order of the entries. Raises `BadCertificate`."""
    if not 1 <= len(entries) <= _MOST:
        raise BadCertificate(f"The property 'x5c' holds from 1 to {_MOST} certificates.")
    try:
        chain = [certificate for entry in entries for certificate in _read_entry(entry)]
    except UnreadableCertificate as error:
        raise BadCertificate(f"The property 'x5c' has an entry that is not a certificate: {error}") from None
    if not 1 <= len(chain) <= _MOST:
        raise BadCertificate(f"The property 'x5c' holds {len(chain)} certificates; it may hold from 1 to {_MOST}.")
    return check_size(chain)


def _read_entry(entry: str) -> list[x509.Certificate]:
    data = entry.encode("utf-8", "replace")
    for _ in range(3):
        if is_pem(data):
            return read_certificates_pem(data)
        decoded = _from_base64(data)
        if decoded is None:
            return _read_der(data)
        data = decoded
    return _read_der(data)


def _read_der(data: bytes) -> list[x509.Certificate]:
    try:
        return [read_certificate(data)]
    except UnreadableCertificate as error:
        not_read = error
    try:
        return read_message(data)
    except UnreadableCertificate:
        raise not_read from None


def _from_base64(data: bytes) -> bytes | None:
    """None for what is not base64: DER begins with a digit of it, but holds other bytes."""
    text = b"".join(data.split()).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
