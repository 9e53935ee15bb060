"""The certificate authority of this installation and its server certificate (RFC 5280)."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from apps.launcher.state import StateDirectory

_DNS = ("vault.localhost", "*.vault.localhost", "localhost")
_ADDRESSES = ("127.0.0.1", "::1")
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
_CA_DAYS, _LEAF_DAYS, _RENEW_DAYS = 3650, 397, 30


def ensure_certificates(state: StateDirectory) -> None:
    """Make the authority once and the server certificate whenever it is missing or about to expire."""
    tls = state.directory / "tls"
    if not (tls / "ca.pem").exists():
        _make_authority(state, tls)
    if _expires_soon(tls / "server.pem"):
        _make_server(state, tls)


def _make_authority(state: StateDirectory, tls: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vault Portal local authority")])
    builder = _builder(name, name, key.public_key(), _CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    state.write(tls / "ca.key", _pem(key))
    state.write(tls / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM).decode())


def _make_server(state: StateDirectory, tls: Path) -> None:
    authority = x509.load_pem_x509_certificate((tls / "ca.pem").read_bytes())
    authority_key = serialization.load_pem_private_key((tls / "ca.key").read_bytes(), password=None)
    if not isinstance(authority_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not ours")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vault.localhost")])
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in _DNS]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
    builder = _builder(subject, authority.subject, key.public_key(), _LEAF_DAYS)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage("digital_signature"), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    certificate = builder.add_extension(identifier, critical=False).sign(authority_key, hashes.SHA256())
    state.write(tls / "server.key", _pem(key))
    state.write(tls / "server.pem", certificate.public_bytes(serialization.Encoding.PEM).decode())


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    begins = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=10)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=days))
    )


def _usage(*granted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{name: name in granted for name in _USAGES})


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _expires_soon(path: Path) -> bool:
    if not path.exists():
        return True
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc < dt.datetime.now(dt.UTC) + dt.timedelta(days=_RENEW_DAYS)
