"""Policies that describe certificates which exist already. Pure.

Nothing is refused here: what exists is described, however long it is valid and however many names it has. Alternative
names for which a policy has no place (directory names, other kinds of names than UPNs, names with a NUL) stay in the
certificate alone.
"""

from collections.abc import Iterable
from typing import Any

from asn1crypto import core as asn1
from cryptography import x509
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier

from apps.domain.certificates.names import write_name
from apps.domain.certificates.policy import UNKNOWN, Policy
from apps.domain.certificates.x509 import UPN, USAGE_FIELDS, kind_of, public_key_of

_HALF_A_MONTH = 15  # days


def policy_of(certificate: x509.Certificate, *, content_type: str) -> Policy:
    """The policy that an imported certificate gets where none is given.

    Raises `BadCertificate` for a key that no vault supports.
    """
    key_type, parameter = kind_of(public_key_of(certificate))
    usage = _extension(certificate, ExtensionOID.KEY_USAGE)
    ekus = _extension(certificate, ExtensionOID.EXTENDED_KEY_USAGE)
    constraints = _extension(certificate, ExtensionOID.BASIC_CONSTRAINTS)
    names = _alternative_names(certificate)
    return Policy(
        key_type=key_type,
        parameter=parameter,
        content_type=content_type,
        subject=write_name(certificate.subject),
        ekus=tuple(eku.dotted_string for eku in ekus) if ekus else (),
        key_usage=_usages(usage) if usage else (),
        validity_months=_months_of(certificate),
        is_ca=bool(constraints and constraints.ca),
        issuer=UNKNOWN,
        dns_names=names.get("dns_names", ()),
        emails=names.get("emails", ()),
        uris=names.get("uris", ()),
        ip_addresses=names.get("ip_addresses", ()),
        upns=names.get("upns", ()),
    )


def _months_of(certificate: x509.Certificate) -> int:
    """How long it is valid, in months of the calendar, at least one."""
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    months = (ends.year - begins.year) * 12 + ends.month - begins.month
    days = ends.day - begins.day  # less than a month, and negative when the last one is not complete
    return max(1, months + (days >= _HALF_A_MONTH) - (days < -_HALF_A_MONTH))


def _extension(certificate: x509.Certificate, oid: ObjectIdentifier) -> Any:
    try:
        return certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None


def _usages(usage: Any) -> tuple[str, ...]:
    usages = []
    for name, field in USAGE_FIELDS.items():
        try:
            if getattr(usage, field):
                usages.append(name)
        except ValueError:  # encipherOnly and decipherOnly have no meaning without keyAgreement
            continue
    return tuple(usages)


def _alternative_names(certificate: x509.Certificate) -> dict[str, tuple[str, ...]]:
    names = _extension(certificate, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    if names is None:
        return {}
    others = names.get_values_for_type(x509.OtherName)
    return {
        "dns_names": _storable(names.get_values_for_type(x509.DNSName)),
        "emails": _storable(names.get_values_for_type(x509.RFC822Name)),
        "uris": _storable(names.get_values_for_type(x509.UniformResourceIdentifier)),
        "ip_addresses": tuple(map(str, names.get_values_for_type(x509.IPAddress))),
        "upns": _storable(text for other in others if other.type_id == UPN and (text := _text_of(other.value))),
    }


def _storable(texts: Iterable[str]) -> tuple[str, ...]:
    """Without those with a NUL, which PostgreSQL cannot store."""
    return tuple(text for text in texts if "\0" not in text)


def _text_of(der: bytes) -> str:
    """The text that a DER value is; "" for any other value."""
    try:
        value = asn1.load(der, strict=True)
        text = value.native
    except (ValueError, TypeError):
        return ""
    return text if isinstance(value, asn1.AbstractString) and isinstance(text, str) else ""
