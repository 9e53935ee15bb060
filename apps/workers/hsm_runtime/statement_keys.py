"""The keys of a security world that vouch for its other keys: an authority, and the key that signs statements.

Both are in the HSM, made by the world's ceremony. The authority's certificate is what offline verifiers trust, so it
outlives several statement keys. Its name constraints exclude every name: it is no authority for TLS.
"""

import ipaddress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from apps.core.errors import Unavailable
from apps.core.ids import new_version
from apps.domain.keys.keyverify import AUTHORITY_NAME, SIGNER_NAME
from apps.domain.security_worlds.models import SecurityWorld, StatementKey, WorldGeneration
from apps.hsm.api import Hsm
from apps.hsm.types import Binding, Custody, KeyType, StoredKey
from apps.workers.hsm_runtime.key_in_hsm import key_in_hsm
from apps.workers.hsm_runtime.translation import masters_of, save_protected_key, stored_key

_YEAR = timedelta(days=365)
_LIFETIMES = {StatementKey.Role.AUTHORITY: 30 * _YEAR, StatementKey.Role.SIGNER: 10 * _YEAR}
_RENEWED_BEFORE = _YEAR
_BACKDATED = timedelta(minutes=10)  # clocks differ
_NO_NAMES = x509.NameConstraints(
    permitted_subtrees=None,
    excluded_subtrees=[
        x509.DNSName(""),
        *(x509.IPAddress(ipaddress.ip_network(everything)) for everything in ("0.0.0.0/0", "::/0")),
    ],
)
_Role = StatementKey.Role


class NoStatementKey(Unavailable):
    """The world has no key for statements, or one whose certificate has expired."""


class StatementSigner(NamedTuple):
    """The key that signs, and the certificates that show whose it is."""

    stored: StoredKey
    certificate: bytes  # DER
    chain: bytes  # PEM: its certificate, then the authority's
    authority: bytes  # SHA-256 of the authority's certificate


def load_signer(world: SecurityWorld, *, now: datetime) -> StatementSigner:
    """The current statement key of a world. Raises `NoStatementKey`."""
    signer, authority = _newest(world, _Role.SIGNER), _newest(world, _Role.AUTHORITY)
    if signer is None or authority is None or _expires(signer) < now:
        raise NoStatementKey(
            f"The security world {world.name} has no valid key for statements yet. An operator adds it by repeating "
            "the world's ceremony: manage.py hsm_ceremony."
        )
    certificates = [_certificate(signer), _certificate(authority)]
    return StatementSigner(
        stored=stored_key(signer.protected, _binding(signer.role, world, signer.protected)),
        certificate=bytes(signer.certificate),
        chain=b"".join(one.public_bytes(Encoding.PEM) for one in certificates),
        authority=certificates[1].fingerprint(hashes.SHA256()),
    )


def exist(*, world: str, now: datetime) -> bool:
    """True when a world has both keys, and the certificates have more than a year left."""
    row = SecurityWorld.objects.filter(name=world).first()
    if row is None:
        return False
    newest = [_newest(row, role) for role in _Role]
    return all(one is not None and _expires(one) - now > _RENEWED_BEFORE for one in newest)


def ensure(hsm: Hsm, world: SecurityWorld, *, now: datetime) -> x509.Certificate:
    """Create what is missing in the caller's transaction. Returns the authority's certificate. For a ceremony only."""
    authority = _newest(world, _Role.AUTHORITY) or _create(hsm, world, _Role.AUTHORITY, None, now)
    signer = _newest(world, _Role.SIGNER)
    if signer is None or _expires(signer) - now <= _RENEWED_BEFORE:
        generation = WorldGeneration.objects.get(world=world, number=authority.protected.generation)
        hsm.load_world(masters_of(generation, world_name=world.name))
        _create(hsm, world, _Role.SIGNER, authority, now)
    return _certificate(authority)


def _create(
    hsm: Hsm, world: SecurityWorld, role: StatementKey.Role, authority: StatementKey | None, now: datetime
) -> StatementKey:
    """Generate a key and its certificate, which the authority signs; without an authority it is self-signed."""
    key = hsm.generate(_binding(role, world, None))
    own = key_in_hsm(hsm, key, None)
    issuer, issuer_key = _name(AUTHORITY_NAME, world), own
    expires = now + _LIFETIMES[role]
    if authority is not None:
        issuer_key = key_in_hsm(
            hsm, stored_key(authority.protected, _binding(authority.role, world, authority.protected)), None
        )
        expires = min(expires, _expires(authority))
    certificate = _build(own, role, world, issuer=issuer, now=now, expires=expires).sign(issuer_key, hashes.SHA256())
    protected = save_protected_key(key, world=world, vault_id=None)
    der = certificate.public_bytes(Encoding.DER)
    return StatementKey.objects.create(world=world, role=role, protected=protected, certificate=der, created=now)


def _build(
    key: Any, role: StatementKey.Role, world: SecurityWorld, *, issuer: x509.Name, now: datetime, expires: datetime
) -> x509.CertificateBuilder:
    is_authority = role == _Role.AUTHORITY
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign")
    usage = dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(issuer if is_authority else _name(SIGNER_NAME, world))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(expires)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=not is_authority, key_cert_sign=is_authority, **usage), critical=True
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.add_extension(_NO_NAMES, critical=True) if is_authority else builder


def _name(text: str, world: SecurityWorld) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text.format(world.name))])


def _newest(world: SecurityWorld, role: StatementKey.Role) -> StatementKey | None:
    rows = StatementKey.objects.select_related("protected").filter(world=world, role=role)
    return rows.order_by("-created", "-id").first()


def _certificate(row: StatementKey) -> x509.Certificate:
    return x509.load_der_x509_certificate(bytes(row.certificate))


def _expires(row: StatementKey) -> datetime:
    return _certificate(row).not_valid_after_utc


def _binding(role: str, world: SecurityWorld, key: Any) -> Binding:
    """The binding of a statement key, stored or (None) new: from its role, never from the row of the stored key."""
    generation, version = (world.generation, new_version()) if key is None else (key.generation, key.version)
    return Binding(
        world=world.name,
        generation=generation,
        custody=Custody.WRAPPED,
        vault="",
        name=f"statement-{role}",
        version=version,
        key_type=KeyType.EC,
        parameter="P-256",
        operations=("sign",),
    )
