"""Certificates and containers that others made, as bytes: with what our own builders would not write."""

import datetime as dt
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7, pkcs12
from cryptography.x509.oid import NameOID

KEY = ec.generate_private_key(ec.SECP256R1())
AUTHORITY_KEY = ec.generate_private_key(ec.SECP256R1())
PASSWORD = "s3cret"
NOT_AFTER = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate(subject="leaf", *, key=KEY, names=(), not_after=NOT_AFTER, extensions=(), issuer="root", signer=None):
    """A certificate of `key`, signed by an authority. `subject`: a common name, or a whole name."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject) if isinstance(subject, str) else subject)
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(not_after)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer or AUTHORITY_KEY, hashes.SHA256())


def der(one):
    return one.public_bytes(Encoding.DER)


def pem(*certificates):
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def key_pem(key=KEY, *, password=None, traditional=False):
    form = serialization.PrivateFormat.TraditionalOpenSSL if traditional else serialization.PrivateFormat.PKCS8
    protection = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(Encoding.PEM, form, protection)


def pfx(leaf, others=(), *, key=KEY, password=PASSWORD, protection=None):
    if protection is None:
        protection = (
            serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        )
    return pkcs12.serialize_key_and_certificates(b"friendly", key, leaf, list(others), protection)


def p7b(*certificates, encoding=Encoding.DER):
    return pkcs7.serialize_certificates(list(certificates), encoding)


def openssl(*arguments, data=b""):
    """What `openssl` writes."""
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


def with_bytes(original, before, after):
    """DER with some content bytes exchanged; the lengths stay as they are."""
    assert len(before) == len(after)
    assert before in original
    return original.replace(before, after)


def with_subject_type(tag, value):
    """A certificate whose subject's common name has these bytes under another tag (X.680: 0x14 is T61String)."""
    plain = certificate("x" * len(value))
    marker = b"\x0c" + bytes([len(value)]) + b"x" * len(value)
    return with_bytes(der(plain), marker, bytes([tag, len(value)]) + value)
