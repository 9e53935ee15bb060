"""The certificate of an application, as people bring it: taken whole, or refused with the reason."""

import base64
import datetime as dt

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.identity import attestation, credentials, operations
from apps.domain.identity.attestation import BadAuthority
from apps.domain.identity.credentials import BadCredential
from tests.support import actors
from tests.support.foreign import certificate, der, key_pem, openssl, pem, with_bytes

pytestmark = pytest.mark.django_db

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
GOOD = certificate("robot", key=RSA)


@pytest.fixture
def add(people):
    grant = actors.grant_of(people.secops, Permission.APPLICATIONS_CREATE)
    application, _ = operations.create_application(grant=grant, name="robot", now=now())

    def add_pem(data):
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        return credentials.add_certificate(grant=grant, application=application, pem=text, now=now())

    return add_pem


@pytest.mark.parametrize(
    "text",
    [
        pem(GOOD),
        b"# \xc3\xbc\n" + pem(GOOD),
        pem(GOOD).replace(b"\n", b"\r\n"),
        openssl("x509", "-text", data=pem(GOOD)),
    ],
    ids=["plain", "comment", "CRLF", "openssl -text"],
)
def test_text_around_it_is_ignored(add, text):
    assert bytes(add(text).der) == der(GOOD)


def as_pem(data):
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(data).decode()}-----END CERTIFICATE-----\n"


def latin_1(tag):
    """A subject in Latin-1 under this tag: T61String as old software wrote it, or a UTF8String that is none."""
    plain = der(certificate("xxxx", key=RSA))
    return with_bytes(plain, b"\x0c\x04xxxx", bytes([tag, 4]) + b"caf\xe9")


@pytest.mark.parametrize("tag", [0x0C, 0x14, 0x1E, 0x13])
def test_a_subject_in_an_odd_encoding_is_taken_or_refused(add, tag):
    try:
        row = add(as_pem(latin_1(tag)))
    except BadCredential:
        return
    assert row.subject


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pem(GOOD, certificate("root")), "2 certificates"),
        (pem(GOOD) + key_pem(RSA), "private key"),
        (as_pem(latin_1(0x0C)), "subject"),
        (as_pem(b"nothing"), "not a certificate"),
        ("nothing", "no line"),
        (pem(certificate("x", key=ed25519.Ed25519PrivateKey.generate())), "RSA"),
        (pem(certificate("x", key=RSA, not_after=dt.datetime(2025, 1, 1, tzinfo=dt.UTC))), "expired"),
    ],
)
def test_what_is_no_certificate_of_an_application_is_refused_with_the_reason(add, data, reason):
    with pytest.raises(BadCredential, match=reason):
        add(data)


@pytest.mark.parametrize("text", ["nothing", "ü", as_pem(b"nothing"), as_pem(latin_1(0x0C)), "-----BEGIN "])
def test_an_attestation_authority_without_a_certificate_is_refused(people, text):
    grant = actors.grant_of(people.secops, Permission.AUTHORITIES_TRUST)
    with pytest.raises(BadAuthority):
        attestation.trust_authority(grant=grant, url="https://a.example.org", ca_pem=text, now=now())


def test_an_attestation_authority_may_have_comments_of_any_kind(people):
    grant = actors.grant_of(people.secops, Permission.AUTHORITIES_TRUST)
    text = f"# Zürich\n{pem(GOOD).decode()}"
    row = attestation.trust_authority(grant=grant, url="https://a.example.org", ca_pem=text, now=now())
    assert row.ca_pem == text
