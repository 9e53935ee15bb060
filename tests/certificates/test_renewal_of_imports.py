"""A renewal by the policy that describes an import has the import's name and alternative names again."""

import datetime as dt

from asn1crypto import core as asn1
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.foreign_certificates import read_certificate
from apps.domain.certificates.description import policy_of
from apps.domain.certificates.policy import PEM, load_policy, validate_policy
from apps.domain.certificates.x509 import UPN, check_creatable, self_signed
from tests.certificates.test_names import NAMES
from tests.support.foreign import certificate, der

KEY = ec.generate_private_key(ec.SECP256R1())
LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
HOSTS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
OTHER_NAMES = st.one_of(
    HOSTS.map(x509.DNSName),
    st.builds("{}@{}".format, LABELS, HOSTS).map(x509.RFC822Name),
    HOSTS.map(lambda host: x509.UniformResourceIdentifier(f"https://{host}/x?y=z")),
    st.ip_addresses().filter(lambda ip: not getattr(ip, "scope_id", None)).map(x509.IPAddress),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60).map(
        lambda text: x509.OtherName(UPN, asn1.UTF8String(text).dump())
    ),
)


def names_of(made):
    try:
        found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return sorted(map(repr, found))


@settings(max_examples=150)
@given(NAMES.filter(lambda name: len(name.public_bytes()) > 2), st.lists(OTHER_NAMES, max_size=6))
def test_the_renewed_certificate_has_the_same_names(subject, names):
    imported = read_certificate(der(certificate(subject, names=names)))
    policy = policy_of(imported, content_type=PEM)
    if len(policy.subject) > 1024:  # more than a policy may say; it is described all the same
        return
    check_creatable(validate_policy(policy))
    renewed = self_signed(load_policy(policy.as_dict()), KEY, now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert renewed.subject == imported.subject
    assert names_of(renewed) == names_of(imported)
    assert policy_of(renewed, content_type=PEM).subject == policy.subject


def test_the_months_of_usual_certificates():
    begins = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    months = {90: 3, 365: 12, 366: 12, 397: 13, 398: 13, 825: 27, 3650: 120, 1: 1}
    for days, expected in months.items():
        made = certificate(not_after=begins + dt.timedelta(days=days))
        assert policy_of(made, content_type=PEM).validity_months == expected, days
