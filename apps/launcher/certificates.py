"""The certificate authority of this installation and its server certificate (RFC 5280).

People tell their browsers to trust this authority, so it must not be able to speak for anybody else: its critical name
constraints (section 4.2.1.10) permit this installation's names and the loopback addresses, and its key signs the server
certificate once and is never stored. Both certificates end together and are made together.
"""

import datetime as dt
import ipaddress
import secrets
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from apps.launcher.state import StateDirectory

SUFFIX = "vault.localhost"
_DNS = (SUFFIX, f"*.{SUFFIX}")
_ADDRESSES = ("127.0.0.1", "::1")
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
_OURS = "Vault Portal local authority"  # the beginning of the authority's name
_DAYS, _RENEW_DAYS = 820, 30  # browsers of Apple accept 825 days
_SERVER_AUTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
_REPLACED = (
    "note: this installation has a new certificate authority ({why}).",
    "      Trust tls/ca.pem of the state directory again, where its predecessor was trusted, and remove that one:",
    "      browsers and systems list it as 'Vault Portal local authority'. ./portal env names the new file.",
)


def ensure_certificates(state: StateDirectory) -> tuple[str, ...]:
    """Make the authority and the server certificate, unless those that are there may stay.

    Returns the lines that tell people of a replaced authority. Raises `OSError`, `ValueError` for unreadable files.
    """
    tls = state.directory / "tls"
    why = _reason_to_replace(tls)
    if why is None:
        return ()
    _make(state, tls)
    (tls / "ca.key").unlink(missing_ok=True)  # of an installation before 0.5: it could certify every name
    return tuple(line.format(why=why) for line in _REPLACED) if why else ()


def _reason_to_replace(tls: Path) -> str | None:
    """Why new certificates are needed; "" when there were none, None when there is nothing to do."""
    if not (tls / "ca.pem").exists():
        return ""
    authority = x509.load_pem_x509_certificate((tls / "ca.pem").read_bytes())
    if not authority.subject.rfc4514_string().startswith(f"CN={_OURS}"):
        return None  # the operator's own, as is the server's certificate
    if (tls / "ca.key").exists() or not _is_constrained(authority):
        return "the one before could certify every name, and its key was kept"
    if not _is_server_of(authority, tls):
        return "the server's certificate was missing or not of the one before"
    if authority.not_valid_after_utc < dt.datetime.now(dt.UTC) + dt.timedelta(days=_RENEW_DAYS):
        return f"the one before ends on {authority.not_valid_after_utc:%Y-%m-%d}"
    return None


def _is_constrained(authority: x509.Certificate) -> bool:
    try:
        found = authority.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.critical and found.value == _constraints()


def _is_server_of(authority: x509.Certificate, tls: Path) -> bool:
    """Whether the server's certificate and key are there, and a start was not interrupted between two files."""
    if not (tls / "server.pem").exists() or not (tls / "server.key").exists():
        return False
    certificate = x509.load_pem_x509_certificate((tls / "server.pem").read_bytes())
    key = serialization.load_pem_private_key((tls / "server.key").read_bytes(), password=None)
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return certificate.public_key() == key.public_key()


def _make(state: StateDirectory, tls: Path) -> None:
    """Make both. The authority's key exists in the memory of this function alone."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    begins = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=10)
    authority = _authority(authority_key, begins)
    server_key = ec.generate_private_key(ec.SECP256R1())
    server = _server(server_key.public_key(), authority, authority_key, begins)
    state.write(tls / "server.key", _pem(server_key))
    state.write(tls / "server.pem", server.public_bytes(serialization.Encoding.PEM).decode(), public=True)
    state.write(tls / "ca.pem", authority.public_bytes(serialization.Encoding.PEM).decode(), public=True)


def _authority(key: ec.EllipticCurvePrivateKey, begins: dt.datetime) -> x509.Certificate:
    # A name of its own: programs that know two authorities of one name may build the chain with the wrong one.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{_OURS} {secrets.token_hex(4)}")])
    builder = _builder(name, name, key.public_key(), begins)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    builder = builder.add_extension(_SERVER_AUTH, critical=False)
    builder = builder.add_extension(_constraints(), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return builder.sign(key, hashes.SHA256())


def _server(
    public_key: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    begins: dt.datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SUFFIX)])
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in _DNS]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
    builder = _builder(subject, authority.subject, public_key, begins)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage("digital_signature"), critical=True)
    builder = builder.add_extension(_SERVER_AUTH, critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return builder.add_extension(identifier, critical=False).sign(authority_key, hashes.SHA256())


def _constraints() -> x509.NameConstraints:
    """The installation's names and the machine's own addresses. A form that is not listed would be unrestricted."""
    permitted: list[x509.GeneralName] = [x509.DNSName(SUFFIX)]
    permitted += [x509.IPAddress(ipaddress.ip_network(address)) for address in _ADDRESSES]
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, begins: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=_DAYS))
    )


def _usage(*granted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in granted for name in _USAGES})


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
