"""Distinguished names as text: the X.500 text of Windows, which Azure takes and gives, and RFC 4514. Pure.

The text begins with the most specific part (`CN=example.com, O="Contoso, Ltd.", C=AU`); the encoded name ends with it.
`read_name(write_name(name))` is `name`, for every name that X.520 allows: a renewal by the policy of an imported
certificate has its name again. A name that exists is written whatever it holds.
"""

import re
from typing import NamedTuple

from asn1crypto import core as asn1
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID, ObjectIdentifier

_LONGEST = 4096
_MOST_ATTRIBUTES = 100

# The first keyword of a type is the one that is written: what Windows prints (CertNameToStr), else RFC 4519.
_KEYWORDS: dict[ObjectIdentifier, tuple[str, ...]] = {
    NameOID.COMMON_NAME: ("CN", "COMMONNAME"),
    NameOID.ORGANIZATION_NAME: ("O", "ORGANIZATION", "ORGANIZATIONNAME"),
    NameOID.ORGANIZATIONAL_UNIT_NAME: ("OU", "ORGANIZATIONALUNIT", "ORGANIZATIONALUNITNAME"),
    NameOID.LOCALITY_NAME: ("L", "LOCALITY", "LOCALITYNAME"),
    NameOID.STATE_OR_PROVINCE_NAME: ("S", "ST", "STATE", "STATEORPROVINCENAME"),
    NameOID.COUNTRY_NAME: ("C", "COUNTRY", "COUNTRYNAME"),
    NameOID.EMAIL_ADDRESS: ("E", "EMAIL", "EMAILADDRESS"),
    NameOID.DOMAIN_COMPONENT: ("DC", "DOMAINCOMPONENT"),
    NameOID.SERIAL_NUMBER: ("SERIALNUMBER",),
    NameOID.SURNAME: ("SN", "SURNAME"),
    NameOID.GIVEN_NAME: ("G", "GN", "GIVENNAME"),
    NameOID.INITIALS: ("I", "INITIALS"),
    NameOID.TITLE: ("T", "TITLE"),
    NameOID.STREET_ADDRESS: ("STREET", "STREETADDRESS"),
    NameOID.POSTAL_CODE: ("POSTALCODE",),
    NameOID.USER_ID: ("UID", "USERID"),
    NameOID.DN_QUALIFIER: ("DNQUALIFIER", "DNQ"),
    NameOID.PSEUDONYM: ("PSEUDONYM",),
    NameOID.GENERATION_QUALIFIER: ("GENERATIONQUALIFIER",),
    NameOID.BUSINESS_CATEGORY: ("BUSINESSCATEGORY",),
    NameOID.ORGANIZATION_IDENTIFIER: ("ORGANIZATIONIDENTIFIER",),
    NameOID.JURISDICTION_COUNTRY_NAME: ("JURISDICTIONCOUNTRYNAME", "JURISDICTIONC"),
    NameOID.JURISDICTION_STATE_OR_PROVINCE_NAME: ("JURISDICTIONSTATEORPROVINCENAME", "JURISDICTIONST"),
    NameOID.JURISDICTION_LOCALITY_NAME: ("JURISDICTIONLOCALITYNAME", "JURISDICTIONL"),
    NameOID.UNSTRUCTURED_NAME: ("UNSTRUCTUREDNAME",),
}
_WRITTEN = {oid: names[0] for oid, names in _KEYWORDS.items()}
_TYPES = {name: oid for oid, names in _KEYWORDS.items() for name in names}
# Attributes that are not UTF-8 (X.520, RFC 2985, RFC 4519): other software rejects a certificate with anything else.
_IA5 = frozenset({NameOID.EMAIL_ADDRESS, NameOID.DOMAIN_COMPONENT})
_PRINTABLE = frozenset(
    {NameOID.COUNTRY_NAME, NameOID.JURISDICTION_COUNTRY_NAME, NameOID.SERIAL_NUMBER, NameOID.DN_QUALIFIER}
)
_IS_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,./:=?-]*\Z").match
_OID = re.compile(r"(?:OID\.)?([0-2](?:\.(?:0|[1-9][0-9]{0,38})){1,30})\Z", re.IGNORECASE)
_HEX = re.compile(r"#((?:[0-9A-Fa-f]{2})+)\Z")
_HEX_PAIRS = re.compile(r"(?:\\[0-9A-Fa-f]{2})+")
_PLAIN = re.compile(r"[^\s\x00-\x1f\x7f,;+=<>#\"\\](?:[^\x00-\x1f\x7f,;+=<>#\"\\]*[^\s\x00-\x1f\x7f,;+=<>#\"\\])?\Z")


class BadName(ValueError):
    """Text that is not a distinguished name. The message says where, or why."""


class _Attribute(NamedTuple):
    type_text: str
    value: str
    quoted: bool


def read_name(text: str) -> x509.Name:
    """Parse a name. Keywords in any case, blanks where people put them, values in quotation marks or with escapes.

    Raises `BadName`.
    """
    if len(text) > _LONGEST:
        raise BadName(f"A name has up to {_LONGEST} characters.")
    if not text.strip():
        return x509.Name([])
    parts = _split(text)
    if sum(map(len, parts)) > _MOST_ATTRIBUTES:
        raise BadName(f"A name has up to {_MOST_ATTRIBUTES} parts.")
    return x509.Name([_relative(attributes) for attributes in reversed(parts)])


def write_name(name: x509.Name) -> str:
    """Write a name, so that `read_name` gives it back."""
    return ", ".join(" + ".join(map(_written, relative)) for relative in reversed(name.rdns))


def _relative(attributes: list[_Attribute]) -> x509.RelativeDistinguishedName:
    try:
        return x509.RelativeDistinguishedName([_attribute(attribute) for attribute in attributes])
    except ValueError as error:
        raise BadName(str(error)) from None


def _attribute(attribute: _Attribute) -> "x509.NameAttribute[str | bytes]":
    oid = _type(attribute.type_text)
    if not attribute.quoted and (match := _HEX.match(attribute.value)):
        return _from_der(oid, bytes.fromhex(match[1]))
    if oid == NameOID.X500_UNIQUE_IDENTIFIER:
        raise BadName("An x500UniqueIdentifier is written as '#' with the hexadecimal digits of its encoding.")
    if not attribute.value:
        raise BadName(f"The name's '{attribute.type_text[:40]}' has no value.")
    if (oid in _IA5 and not attribute.value.isascii()) or (oid in _PRINTABLE and not _IS_PRINTABLE(attribute.value)):
        raise BadName(f"The name's '{attribute.type_text[:40]}' has a character that X.520 does not allow there.")
    return x509.NameAttribute(oid, attribute.value)


def _from_der(oid: ObjectIdentifier, der: bytes) -> "x509.NameAttribute[str | bytes]":
    """A value as `#` and its DER (RFC 4514 section 2.4)."""
    try:
        value = asn1.load(der, strict=True)
        native = value.native
    except (ValueError, TypeError) as error:
        raise BadName("The digits after '#' are not the encoding of a value.") from error
    if isinstance(value, asn1.BitString) and oid == NameOID.X500_UNIQUE_IDENTIFIER:
        return x509.NameAttribute(oid, bytes(value.contents)[1:], _type=_ASN1Type.BitString)
    if isinstance(value, asn1.AbstractString) and isinstance(native, str):
        return x509.NameAttribute(oid, native)
    raise BadName("The digits after '#' are not the encoding of a text.")


def _type(text: str) -> ObjectIdentifier:
    oid = _TYPES.get(text.upper())
    if oid is not None:
        return oid
    match = _OID.match(text)
    if match is None:
        raise BadName(f"'{text[:40]}' is no kind of name. Use CN, O, OU, L, S, C, DC, E and others, or OID.2.5.4.5.")
    try:
        return ObjectIdentifier(match[1])
    except ValueError:
        raise BadName(f"'{text[:40]}' is no object identifier.") from None


def _written(attribute: "x509.NameAttribute[str | bytes]") -> str:
    keyword = _WRITTEN.get(attribute.oid) or f"OID.{attribute.oid.dotted_string}"
    if isinstance(attribute.value, bytes):
        der = b"\x03" + _length(len(attribute.value) + 1) + b"\0" + attribute.value
        return f"{keyword}=#{der.hex().upper()}"
    if (
        "\0" in attribute.value
    ):  # PostgreSQL stores no NUL, also not in JSON: hexadecimal escapes (RFC 4514 section 2.4)
        return f"{keyword}=" + "".join(f"\\{byte:02X}" for byte in attribute.value.encode())
    if _PLAIN.match(attribute.value):
        return f"{keyword}={attribute.value}"
    quoted = attribute.value.replace("\\", "\\\\").replace('"', '""')
    return f'{keyword}="{quoted}"'


def _length(size: int) -> bytes:
    """A length of DER."""
    if size < 0x80:
        return bytes([size])
    digits = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([0x80 | len(digits)]) + digits


def _split(text: str) -> list[list[_Attribute]]:
    """The relative names, each with its attributes."""
    relatives: list[list[_Attribute]] = [[]]
    at = 0
    while True:
        attribute, at = _read_attribute(text, at)
        relatives[-1].append(attribute)
        if at >= len(text):
            return relatives
        if text[at] in ",;":
            relatives.append([])
        at += 1


def _read_attribute(text: str, at: int) -> tuple[_Attribute, int]:
    """One `type=value`, and where it ends: at a separator, or at the end of the text."""
    equals = text.find("=", at)
    if equals < 0:
        raise BadName(f"'{text[at:].strip()[:40]}' has no '='. A name looks like CN=example.com, O=Example.")
    kind, at = text[at:equals].strip(), equals + 1
    while at < len(text) and text[at].isspace():
        at += 1
    if text[at : at + 1] == '"':
        value, at = _read_quoted(text, at + 1)
        return _Attribute(kind, value, quoted=True), at
    value, at = _read_plain(text, at)
    return _Attribute(kind, value, quoted=False), at


def _read_quoted(text: str, at: int) -> tuple[str, int]:
    """A value up to its closing quotation mark. Two of them, or one after a backslash, stand for one."""
    value: list[str] = []
    while True:
        character = text[at : at + 1]
        if not character:
            raise BadName("A quotation mark is not closed.")
        following = text[at + 1 : at + 2]
        if (character == "\\" and following in ("\\", '"')) or (character == following == '"'):
            value.append(following)
            at += 2
        elif character == '"':
            break
        else:
            value.append(character)
            at += 1
    at += 1
    while at < len(text) and text[at].isspace():
        at += 1
    if at < len(text) and text[at] not in ",;+":
        raise BadName("After a value in quotation marks comes a comma, or nothing.")
    return "".join(value), at


def _read_plain(text: str, at: int) -> tuple[str, int]:
    """A value up to a separator, without the blanks around it that are not escaped (RFC 4514 section 3)."""
    value: list[str] = []
    kept = 0  # up to here the blanks are part of the value
    while at < len(text) and text[at] not in ",;+":
        piece, after = _read_piece(text, at)
        value.append(piece)
        if text[at] == "\\" or not piece.isspace():
            kept = len(value)
        at = after
    return "".join(value[:kept]), at


def _read_piece(text: str, at: int) -> tuple[str, int]:
    """A character of a value, or what an escape stands for, and the position behind it."""
    if text[at] == '"':
        raise BadName("A quotation mark inside a value is written twice, in a value in quotation marks.")
    if text[at] != "\\":
        return text[at], at + 1
    if match := _HEX_PAIRS.match(text, at):
        return _from_pairs(match[0]), match.end()
    if at + 1 == len(text):
        raise BadName("A backslash stands before the character that it escapes.")
    return text[at + 1], at + 2


def _from_pairs(pairs: str) -> str:
    try:
        return bytes.fromhex(pairs.replace("\\", "")).decode("utf-8")
    except UnicodeDecodeError:
        raise BadName("The digits after a backslash are not UTF-8.") from None
