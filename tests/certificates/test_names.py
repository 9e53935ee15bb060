"""Distinguished names as text: what people write is taken, and what exists is written so that it can be read again."""

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.certificates.names import BadName, read_name, write_name

CN, ORG, OU, S, C, E, SN = (
    NameOID.COMMON_NAME,
    NameOID.ORGANIZATION_NAME,
    NameOID.ORGANIZATIONAL_UNIT_NAME,
    NameOID.STATE_OR_PROVINCE_NAME,
    NameOID.COUNTRY_NAME,
    NameOID.EMAIL_ADDRESS,
    NameOID.SURNAME,
)


def name(*attributes):
    """The name whose text begins with the first of these."""
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in reversed(attributes)])


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ('O="Contoso, Ltd."', [(ORG, "Contoso, Ltd.")]),
        ("O=Contoso\\, Ltd.", [(ORG, "Contoso, Ltd.")]),
        ("CN=a , S=Bavaria", [(CN, "a"), (S, "Bavaria")]),
        ("CN = a; o = b", [(CN, "a"), (ORG, "b")]),
        ("CN=a,ST=WA", [(CN, "a"), (S, "WA")]),
        ("OU=a, OU=b, CN=c", [(OU, "a"), (OU, "b"), (CN, "c")]),
        ("DC=b, DC=a", [(NameOID.DOMAIN_COMPONENT, "b"), (NameOID.DOMAIN_COMPONENT, "a")]),
        ("SERIALNUMBER=5", [(NameOID.SERIAL_NUMBER, "5")]),
        ("serialNumber = 5", [(NameOID.SERIAL_NUMBER, "5")]),
        ("OID.2.5.4.5=5", [(NameOID.SERIAL_NUMBER, "5")]),
        ("2.5.4.5=5", [(NameOID.SERIAL_NUMBER, "5")]),
        ("SN=Doe, G=Jo", [(SN, "Doe"), (NameOID.GIVEN_NAME, "Jo")]),
        ("emailAddress=a@example.com", [(E, "a@example.com")]),
        ("STREET=1 Main St", [(NameOID.STREET_ADDRESS, "1 Main St")]),
        ('CN="say ""hello"""', [(CN, 'say "hello"')]),
        ('CN="say \\"hello\\""', [(CN, 'say "hello"')]),
        ("CN=\\20a\\ ", [(CN, " a ")]),
        ("CN=J\\C3\\BCrgen", [(CN, "Jürgen")]),
        ("CN=#0C0161", [(CN, "a")]),
        ("CN=*.example.com", [(CN, "*.example.com")]),
        ("CN=a=b", [(CN, "a=b")]),
    ],
)
def test_what_people_write_is_read(text, attributes):
    assert read_name(text) == name(*attributes)


def test_a_name_of_several_attributes_is_one_part():
    several = x509.RelativeDistinguishedName([x509.NameAttribute(CN, "a"), x509.NameAttribute(OU, "b")])
    assert read_name("CN=a+OU=b, O=c") == x509.Name([*name((ORG, "c")).rdns, several])


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "CN",
        "CN=",
        "C=USA",
        'CN="a',
        'CN="a"b',
        'CN=a"b',
        "=a",
        "FOO=b",
        "CN=a,",
        "CN=a\\",
        "OID.9.9=1",
        "E=ü@x",
        "C=ü1",
    ],
)
def test_what_is_no_name_is_refused(text):
    with pytest.raises(BadName):
        read_name(text)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        ([(CN, "a"), (ORG, "Contoso, Ltd."), (S, "WA"), (C, "AU")], 'CN=a, O="Contoso, Ltd.", S=WA, C=AU'),
        ([(E, "a@example.com")], "E=a@example.com"),
        ([(ObjectIdentifier("1.2.3.4"), "x")], "OID.1.2.3.4=x"),
        ([(CN, " a")], 'CN=" a"'),
    ],
)
def test_it_is_written_as_windows_does(attributes, text):
    assert write_name(name(*attributes)) == text


TEXT_TYPES = st.sampled_from([CN, ORG, OU, S, SN, NameOID.LOCALITY_NAME, NameOID.TITLE, NameOID.STREET_ADDRESS])
OTHER_TYPES = st.tuples(st.integers(3, 99), st.integers(0, 10**6)).map(
    lambda arcs: ObjectIdentifier(f"1.2.{arcs[0]}.{arcs[1]}")
)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)
ATTRIBUTES = st.one_of(
    st.builds(x509.NameAttribute, TEXT_TYPES | OTHER_TYPES, VALUES),
    st.builds(x509.NameAttribute, st.just(C), st.text("ABC", min_size=2, max_size=2)),
    st.builds(x509.NameAttribute, st.just(E), st.text(st.characters(min_codepoint=1, max_codepoint=127), min_size=1)),
    st.builds(
        lambda bits: x509.NameAttribute(NameOID.X500_UNIQUE_IDENTIFIER, bits, _type=_ASN1Type.BitString),
        st.binary(min_size=1, max_size=200),
    ),
)
PARTS = st.lists(ATTRIBUTES, min_size=1, max_size=3, unique_by=lambda one: (one.oid.dotted_string, one.value)).map(
    x509.RelativeDistinguishedName
)
NAMES = st.lists(PARTS, max_size=5).map(x509.Name)


@given(NAMES)
def test_each_name_can_be_written_and_read_again(original):
    assert read_name(write_name(original)) == original


@given(st.text(max_size=200) | st.text('CNO=,;+"\\# a1', max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        read = read_name(text)
    except BadName:
        return
    assert read_name(write_name(read)) == read
