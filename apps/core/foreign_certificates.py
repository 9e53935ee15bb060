"""Certificates that others made, parsed completely in one place (RFC 5280; PKCS#7: RFC 2315).

`cryptography` parses a certificate's parts on first use and raises there. Here every part is used once, so that a
certificate which this module returns has no surprises for its readers.
"""

import warnings
from contextlib import suppress

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from apps.core.pem import CERTIFICATE_LABELS, MESSAGE_LABELS, BadPem, Block, read_pem

# What exists is described as it is; that RFC 5280 does not allow it is no news for our own log.
warnings.filterwarnings("ignore", message=r"Attribute's length must be|.*serial number which wasn't positive")

_PARTS = (
    "version",
    "serial_number",
    "not_valid_before_utc",
    "not_valid_after_utc",
    "signature_algorithm_oid",
    "issuer",
    "subject",
    "extensions",
)


class UnreadableCertificate(ValueError):
    """Bytes that are no certificate, or one with a part that cannot be read. The message says which."""


def read_certificate(der: bytes) -> x509.Certificate:
    """Parse a certificate, with all its parts. Raises `UnreadableCertificate`."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except Exception:  # noqa: BLE001  a parser of foreign bytes: which errors it raises is not documented
        raise UnreadableCertificate("This is not a certificate.") from None
    for part in _PARTS:
        try:
            getattr(certificate, part)
        except Exception:  # noqa: BLE001  as above
            name = part.removesuffix("_utc").replace("_", " ")
            raise UnreadableCertificate(f"The certificate's {name} is not encoded as RFC 5280 says.") from None
    with suppress(UnsupportedAlgorithm):  # an authority's certificate may have any key
        _check_key(certificate)
    return certificate


def read_message(der: bytes) -> list[x509.Certificate]:
    """Parse the certificates of PKCS#7 signed data ("P7B": how authorities send a chain).

    They are a set, whose order says nothing (X.690 section 11.6). Raises `UnreadableCertificate`.
    """
    try:
        certificates = pkcs7.load_der_pkcs7_certificates(der)
    except Exception:  # noqa: BLE001  as above
        raise UnreadableCertificate("This is neither a certificate nor PKCS#7 with certificates.") from None
    return [read_certificate(one.public_bytes(Encoding.DER)) for one in certificates]


def read_blocks(blocks: list[Block]) -> list[x509.Certificate]:
    """Parse the blocks of PEM that hold certificates, and only such blocks. Raises `UnreadableCertificate`."""
    certificates: list[x509.Certificate] = []
    for block in blocks:
        if block.label in CERTIFICATE_LABELS:
            certificates.append(read_certificate(block.der))
        elif block.label in MESSAGE_LABELS:
            certificates.extend(read_message(block.der))
        else:
            raise UnreadableCertificate(f"The PEM file has a block '{block.label}', which is no certificate.")
    return certificates


def read_certificates_pem(data: bytes) -> list[x509.Certificate]:
    """Parse a PEM file of certificates and nothing else; at least one. Raises `UnreadableCertificate`."""
    try:
        certificates = read_blocks(read_pem(data))
    except BadPem as error:
        raise UnreadableCertificate(str(error)) from None
    if not certificates:
        raise UnreadableCertificate("This is no certificate in PEM: it has no line '-----BEGIN CERTIFICATE-----'.")
    return certificates


def _check_key(certificate: x509.Certificate) -> None:
    try:
        certificate.public_key()
    except UnsupportedAlgorithm:
        raise
    except Exception:  # noqa: BLE001  as above
        raise UnreadableCertificate("The certificate's public key cannot be read.") from None
