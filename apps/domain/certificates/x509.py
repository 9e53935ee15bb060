"""X.509 (RFC 5280), PKCS#10, PKCS#12 and PEM: certificates from policies, and policies from certificates. Pure.

Signing takes any private key that `cryptography` takes: the HSM workers pass one whose `sign` asks the HSM.
"""

import base64
import binascii
import hashlib
import ipaddress
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import isodate
from asn1crypto import core as asn1
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtensionOID, NameOID, ObjectIdentifier

from apps.core.errors import BadRequest
from apps.domain.certificates.policy import PKCS12, UNKNOWN, BadPolicy, Policy

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

BACKDATED = timedelta(minutes=10)  # clocks differ; Azure does the same
AUTHORITY_YEARS = 10
LARGEST_CHAIN = 48 * 1024
_UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
# Names that .NET prints and RFC 4514 does not know.
_NAMES = {"S": NameOID.STATE_OR_PROVINCE_NAME, "E": NameOID.EMAIL_ADDRESS, "T": NameOID.TITLE, "G": NameOID.GIVEN_NAME}
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "P-256K"}
_USAGE_FIELDS = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
    "encipherOnly": "encipher_only",
    "decipherOnly": "decipher_only",
}


class BadCertificate(BadRequest):
    """Bytes that are not a certificate, or not the expected one."""


def check_encodable(policy: Policy) -> None:
    """Raise `BadPolicy` unless the subject, the other names and the object identifiers can be in a certificate."""
    _name(policy.subject)
    try:
        for extension, _ in _extensions(policy):
            extension.public_bytes()
    except (ValueError, TypeError) as error:
        raise BadPolicy("A name in the policy's 'sans' or an identifier in its 'ekus' is not valid.") from error


def self_signed(policy: Policy, key: PrivateKey, *, now: datetime) -> x509.Certificate:
    """Create a certificate signed by its own key."""
    name = _name(policy.subject)
    expires = add_months(now, policy.validity_months)
    builder = _builder(policy, key.public_key(), issuer=name, now=now, expires=expires)
    return builder.sign(key, signature_hash(key.public_key()))


def issued(
    policy: Policy, public: PublicKey, *, authority: x509.Certificate, authority_key: PrivateKey, now: datetime
) -> x509.Certificate:
    """Create a certificate signed by an authority; it expires no later than that."""
    expires = min(add_months(now, policy.validity_months), authority.not_valid_after_utc)
    builder = _builder(policy, public, issuer=authority.subject, now=now, expires=expires)
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
    )
    return builder.sign(authority_key, signature_hash(authority_key.public_key()))


def authority_certificate(name: str, key: PrivateKey, *, now: datetime) -> x509.Certificate:
    """Create the self-signed certificate of a built-in authority."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    public = key.public_key()
    usage = dict.fromkeys(_USAGE_FIELDS.values(), False) | {"key_cert_sign": True, "crl_sign": True}
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(add_months(now, 12 * AUTHORITY_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, signature_hash(public))
    )


def request(policy: Policy, key: PrivateKey) -> bytes:
    """Create a certificate signing request in DER (RFC 2986), with the extensions of the policy."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(policy.subject))
    for extension, critical in _extensions(policy):
        builder = builder.add_extension(extension, critical=critical)
    signed = builder.sign(key, signature_hash(key.public_key()))
    return signed.public_bytes(serialization.Encoding.DER)


def signature_hash(key: PublicKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """The hash that fits the key (FIPS 186-5)."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size == 384:
            return hashes.SHA384()
        if key.curve.key_size == 521:
            return hashes.SHA512()
    return hashes.SHA256()


def read_chain(entries: Sequence[str]) -> list[x509.Certificate]:
    """Parse `x5c`: base64 of DER, or of base64 or PEM text once more. Raises `BadCertificate`."""
    if not 1 <= len(entries) <= 16:
        raise BadCertificate("The property 'x5c' holds from 1 to 16 certificates.")
    return check_size([_read(_from_base64(entry)) for entry in entries])


def check_size(chain: list[x509.Certificate]) -> list[x509.Certificate]:
    """Check that a chain fits one packet of the lane. Returns it. Raises `BadCertificate`."""
    if sum(len(one.public_bytes(serialization.Encoding.DER)) for one in chain) > LARGEST_CHAIN:
        raise BadCertificate(f"The certificates may have {LARGEST_CHAIN} bytes together.")
    return chain


def load(der: bytes) -> x509.Certificate:
    """Load a stored certificate."""
    return x509.load_der_x509_certificate(der)


def public_key_of(certificate: x509.Certificate) -> PublicKey:
    """The public key of a certificate. Raises `BadCertificate` for one that is neither RSA nor EC."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise BadCertificate("The certificate's key is neither RSA nor EC.")
    return key


def kind_of(key: PublicKey) -> tuple[str, str]:
    """(key type, size or curve). Raises `BadCertificate` for a key that no vault supports."""
    kind = ("RSA", str(key.key_size)) if isinstance(key, rsa.RSAPublicKey) else ("EC", _CURVES.get(key.curve.name, ""))
    if kind not in {("RSA", "2048"), ("RSA", "3072"), ("RSA", "4096"), *(("EC", name) for name in _CURVES.values())}:
        raise BadCertificate("The certificate's key must be RSA of 2048, 3072 or 4096 bits, or EC on a known curve.")
    return kind


def thumbprint(der: bytes) -> bytes:
    """`x5t`: SHA-1 of the certificate (RFC 7515 section 4.1.7)."""
    return hashlib.sha1(der).digest()  # noqa: S324  a name, not a protection


def spki(key: PublicKey) -> bytes:
    """DER SubjectPublicKeyInfo."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def as_secret(chain: Sequence[x509.Certificate], key: PrivateKey | None, *, content_type: str) -> str:
    """The value of a certificate's secret: base64 of a PFX without a password, or PEM."""
    if content_type == PKCS12:
        certificates = list(chain[1:])
        leaf = chain[0] if key is not None else None
        others = certificates if key is not None else list(chain)
        pfx = pkcs12.serialize_key_and_certificates(None, key, leaf, others or None, serialization.NoEncryption())
        return base64.b64encode(pfx).decode("ascii")
    parts = [certificate.public_bytes(serialization.Encoding.PEM) for certificate in chain]
    if key is not None:
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        parts.insert(0, key.private_bytes(encoding, form, serialization.NoEncryption()))
    return b"".join(parts).decode("ascii")


def pfx_to_pem(value: str) -> str:
    """Convert a PFX of `as_secret` to PEM: key, then certificates."""
    key, leaf, others = pkcs12.load_key_and_certificates(base64.b64decode(value), None)
    chain = ([leaf] if leaf is not None else []) + list(others)
    if key is not None and not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise BadCertificate("The certificate's key is neither RSA nor EC.")
    return as_secret(chain, key, content_type="application/x-pem-file")


def policy_of(certificate: x509.Certificate, *, content_type: str) -> Policy:
    """The policy that an imported certificate gets when none is given."""
    key_type, parameter = kind_of(public_key_of(certificate))
    days = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days
    names = _alternative_names(certificate)
    usage = _extension(certificate, ExtensionOID.KEY_USAGE)
    ekus = _extension(certificate, ExtensionOID.EXTENDED_KEY_USAGE)
    constraints = _extension(certificate, ExtensionOID.BASIC_CONSTRAINTS)
    return Policy(
        key_type=key_type,
        parameter=parameter,
        content_type=content_type,
        subject=", ".join(certificate.subject.rfc4514_string({NameOID.STATE_OR_PROVINCE_NAME: "S"}).split(",")),
        ekus=tuple(eku.dotted_string for eku in ekus) if ekus else (),
        key_usage=_usages(usage) if usage else (),
        validity_months=max(1, round(days / 30.44)),
        is_ca=bool(constraints and constraints.ca),
        issuer=UNKNOWN,
        dns_names=names.get("dns_names", ()),
        emails=names.get("emails", ()),
        uris=names.get("uris", ()),
        ip_addresses=names.get("ip_addresses", ()),
    )


def add_months(moment: datetime, months: int) -> datetime:
    """The same day some months later, or the last of that month."""
    later: datetime = moment + isodate.Duration(months=months)
    return later


def _builder(
    policy: Policy, public: PublicKey, *, issuer: x509.Name, now: datetime, expires: datetime
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(policy.subject))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(expires)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    for extension, critical in _extensions(policy):
        builder = builder.add_extension(extension, critical=critical)
    return builder


def _extensions(policy: Policy) -> list[tuple[x509.ExtensionType, bool]]:
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=policy.is_ca, path_length=None), True)
    ]
    usage = {field: name in policy.key_usage for name, field in _USAGE_FIELDS.items()}
    if usage["encipher_only"] or usage["decipher_only"]:
        usage["key_agreement"] = True  # they qualify it (RFC 5280 section 4.2.1.3)
    if policy.key_usage:
        extensions.append((x509.KeyUsage(**usage), True))
    if policy.ekus:
        extensions.append((x509.ExtendedKeyUsage([ObjectIdentifier(eku) for eku in policy.ekus]), False))
    names = [
        *(x509.DNSName(name) for name in policy.dns_names),
        *(x509.RFC822Name(name) for name in policy.emails),
        *(x509.UniformResourceIdentifier(uri) for uri in policy.uris),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in policy.ip_addresses),
        *(x509.OtherName(_UPN, asn1.UTF8String(name).dump()) for name in policy.upns),
    ]
    if names:
        extensions.append((x509.SubjectAlternativeName(names), not policy.subject))
    return extensions


def _name(subject: str) -> x509.Name:
    try:
        return x509.Name.from_rfc4514_string(re.sub(r"(?<!\\)([,;])\s+", ",", subject.strip()), dict(_NAMES))
    except (ValueError, KeyError):
        raise BadPolicy(
            "The policy's 'subject' is not a distinguished name such as CN=example.com, O=Example."
        ) from None


def _read(data: bytes) -> x509.Certificate:
    for _ in range(2):
        try:
            if data.lstrip().startswith(b"-----BEGIN"):
                return x509.load_pem_x509_certificate(data.lstrip())
            return x509.load_der_x509_certificate(data)
        except ValueError:
            data = _from_base64(data.decode("latin-1"))
    raise BadCertificate("The property 'x5c' has an entry that is no certificate.")


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadCertificate("The certificate is not valid base64.") from None


def _extension(certificate: x509.Certificate, oid: ObjectIdentifier) -> Any:
    try:
        return certificate.extensions.get_extension_for_oid(oid).value
    except (x509.ExtensionNotFound, ValueError, UnsupportedAlgorithm):
        return None


def _usages(usage: Any) -> tuple[str, ...]:
    usages = []
    for name, field in _USAGE_FIELDS.items():
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
    return {
        "dns_names": tuple(names.get_values_for_type(x509.DNSName)),
        "emails": tuple(names.get_values_for_type(x509.RFC822Name)),
        "uris": tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
        "ip_addresses": tuple(map(str, names.get_values_for_type(x509.IPAddress))),
    }
