"""NUL characters in certificates that others made: described in what the database can store."""

import json

from cryptography import x509
from cryptography.x509.oid import NameOID

from apps.core.foreign_certificates import read_certificate
from apps.domain.certificates.description import policy_of
from apps.domain.certificates.names import read_name, write_name
from apps.domain.certificates.policy import PEM
from tests.support.foreign import certificate, der

UPN = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


def test_a_subject_with_a_nul_is_written_as_an_escape_and_read_again():
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "a\0\u00e9 #"), x509.NameAttribute(NameOID.COUNTRY_NAME, "DE")]
    )
    written = write_name(subject)
    assert written == "C=DE, CN=\\61\\00\\C3\\A9\\20\\23"
    assert read_name(written) == subject


def test_the_description_of_a_certificate_with_nul_characters_can_be_stored():
    names = [
        x509.DNSName("a\0.example"),
        x509.DNSName("b.example"),
        x509.RFC822Name("a@b\0.example"),
        x509.UniformResourceIdentifier("https://a.example/\0"),
        x509.OtherName(UPN, b"\x0c\x03a\0b"),
    ]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a\0b")])
    policy = policy_of(read_certificate(der(certificate(subject, names=names))), content_type=PEM)
    assert policy.dns_names == ("b.example",)
    assert "\\u0000" not in json.dumps(policy.as_dict())
