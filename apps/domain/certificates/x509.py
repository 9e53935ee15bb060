"""X.509 (RFC 5280), PKCS#10, PKCS#12 and PEM: certificates from policies. Pure.

Signing takes any private key that `cryptography` takes: the HSM workers pass one whose `sign` asks the HSM.
"""

import base64
import hashlib
import ipaddress
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

from asn1crypto import core as asn1
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import NameOID, ObjectIdentifier

from apps.core.errors import BadRequest
from apps.core.foreign_certificates import UnreadableCertificate, read_certificate
from apps.domain.certificates import pfx
from apps.domain.certificates.names import BadName, read_name
from apps.domain.certificates.policy import BACKDATED, PEM, PKCS12, BadPolicy, Policy, add_months

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Made = TypeVar("Made")
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

AUTHORITY_YEARS = 10
LARGEST_CHAIN = 48 * 1024
UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UNENCRYPTED = serialization.NoEncryption()
_TRIAL_TIME = datetime(2020, 1, 1, tzinfo=UTC)
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "P-256K"}
USAGE_FIELDS = {
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


def check_creatable(policy: Policy) -> None:
    """Raise `BadPolicy` unless a certificate by this policy can be made, and says all that the policy says.

    It is made, with a key of no use: whatever would fail in the HSM worker fails here, with the reason.
    """
    subject = _name(policy.subject)
    names = _checked(lambda: _alternative_names(policy), "a name in 'sans'")
    _checked(lambda: [extension.public_bytes() for extension, _ in _extensions(policy)], "an identifier in 'ekus'")
    made = _checked(lambda: self_signed(policy, _trial_key(), now=_TRIAL_TIME), "the policy")
    if made.subject != subject or _names_in(made) != names:
        raise BadPolicy("A certificate cannot hold the policy's subject, or a name in its 'sans', as it is written.")
    if len(made.public_bytes(Encoding.DER)) > LARGEST_CHAIN:
        raise BadPolicy(f"A certificate by this policy is too large: it may have {LARGEST_CHAIN} bytes.")


def _checked(make: Callable[[], Made], culprit: str) -> Made:
    try:
        return make()
    except (ValueError, TypeError, OverflowError):
        raise BadPolicy(f"No certificate can be made by this policy: {culprit} is not valid.") from None


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
    usage = dict.fromkeys(USAGE_FIELDS.values(), False) | {"key_cert_sign": True, "crl_sign": True}
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
    return signed.public_bytes(Encoding.DER)


def signature_hash(key: PublicKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """The hash that fits the key (FIPS 186-5)."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size == 384:
            return hashes.SHA384()
        if key.curve.key_size == 521:
            return hashes.SHA512()
    return hashes.SHA256()


def ordered_chain(
    certificates: Sequence[x509.Certificate], key: PublicKey, *, preserve_order: bool
) -> tuple[x509.Certificate | None, list[x509.Certificate]]:
    """The key's own certificate, None without one, and the chain: that one first, or as it was given."""
    own = spki(key)
    leaf = next((one for one in certificates if _spki_in(one) == own), None)
    if leaf is None or preserve_order:
        return leaf, list(certificates)
    return leaf, [leaf, *(one for one in certificates if one is not leaf)]


def check_size(chain: list[x509.Certificate]) -> list[x509.Certificate]:
    """Check that a chain fits one packet of the lane. Returns it. Raises `BadCertificate`."""
    if sum(len(one.public_bytes(Encoding.DER)) for one in chain) > LARGEST_CHAIN:
        raise BadCertificate(f"The certificates may have {LARGEST_CHAIN} bytes together.")
    return chain


def load(der: bytes) -> x509.Certificate:
    """Load a certificate that was checked when it came. Raises `BadCertificate`."""
    try:
        return read_certificate(der)
    except UnreadableCertificate as error:
        raise BadCertificate(str(error)) from None


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
    return key.public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def as_secret(chain: Sequence[x509.Certificate], key: PrivateKey | None, *, content_type: str) -> str:
    """The value of a certificate's secret, with the chain in this order: base64 of a PFX without a password, or PEM.

    Raises `BadCertificate` for a chain without the key's certificate.
    """
    if content_type == PKCS12:
        return base64.b64encode(_as_pfx(chain, key)).decode("ascii")
    parts = [certificate.public_bytes(Encoding.PEM) for certificate in chain]
    if key is not None:
        parts.insert(0, key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, _UNENCRYPTED))
    return b"".join(parts).decode("ascii")


def _as_pfx(chain: Sequence[x509.Certificate], key: PrivateKey | None) -> bytes:
    if key is None:
        return pkcs12.serialize_key_and_certificates(None, None, None, list(chain), _UNENCRYPTED)
    leaf, leaf_first = ordered_chain(chain, key.public_key(), preserve_order=False)
    if leaf is None:
        raise BadCertificate("No certificate of the chain belongs to the key.")
    made = pkcs12.serialize_key_and_certificates(None, key, leaf, leaf_first[1:] or None, _UNENCRYPTED)
    if chain[0] is leaf:
        return made
    return pfx.reordered(made, [one.public_bytes(Encoding.DER) for one in chain])


def pfx_to_pem(value: str) -> str:
    """Convert a PFX of `as_secret` to PEM: key, then certificates in their order."""
    data = base64.b64decode(value)
    key, _leaf, _others = pkcs12.load_key_and_certificates(data, None)
    if key is not None and not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise BadCertificate("The certificate's key is neither RSA nor EC.")
    chain = [load(der) for der in pfx.certificates_in_order(data, None) or ()]
    return as_secret(chain, key, content_type=PEM)


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
    usage = {field: name in policy.key_usage for name, field in USAGE_FIELDS.items()}
    if usage["encipher_only"] or usage["decipher_only"]:
        usage["key_agreement"] = True  # they qualify it (RFC 5280 section 4.2.1.3)
    if policy.key_usage:
        extensions.append((x509.KeyUsage(**usage), True))
    if policy.ekus:
        extensions.append((x509.ExtendedKeyUsage([ObjectIdentifier(eku) for eku in policy.ekus]), False))
    names = _alternative_names(policy)
    if names:
        extensions.append((x509.SubjectAlternativeName(names), not policy.subject))
    return extensions


def _alternative_names(policy: Policy) -> list[x509.GeneralName]:
    return [
        *(x509.DNSName(name) for name in policy.dns_names),
        *(x509.RFC822Name(name) for name in policy.emails),
        *(x509.UniformResourceIdentifier(uri) for uri in policy.uris),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in policy.ip_addresses),
        *(x509.OtherName(UPN, asn1.UTF8String(name).dump()) for name in policy.upns),
    ]


def _names_in(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


@cache
def _trial_key() -> ec.EllipticCurvePrivateKey:
    """A key that signs what is thrown away."""
    return ec.generate_private_key(ec.SECP256R1())


def _name(subject: str) -> x509.Name:
    try:
        return read_name(subject)
    except BadName as error:
        raise BadPolicy(f"The policy's 'subject' is not a distinguished name: {error}") from None


def _spki_in(certificate: x509.Certificate) -> bytes:
    """The public key, of whatever kind; nothing for a kind that is not known."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return b""
    return key.public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
