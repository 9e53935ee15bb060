"""Reading certificates. One that is still being made for the first time has no current version."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q

from apps.core.errors import NotFound
from apps.core.ttl_cache import ShortTtlCache
from apps.domain.certificates.models import (
    Certificate,
    CertificateOperation,
    CertificateVersion,
    Contacts,
    Issuer,
    IssuingAuthority,
)
from apps.domain.objects import soft_delete


class CertificateNotFound(NotFound):
    """No such certificate, or no such version of it, in this vault."""


class PendingCertificateNotFound(NotFound):
    """The certificate has no operation."""


class ContactsNotFound(NotFound):
    """The vault has no certificate contacts."""


class IssuerNotFound(NotFound):
    """No such certificate issuer in this vault."""


_ids: ShortTtlCache[UUID | None] = ShortTtlCache(maxsize=10_000)


def find_certificate_id(*, vault_id: UUID, name: str) -> UUID | None:
    """The certificate's row, for object-level assignments; None when there is none. At most a second old."""
    folded = name.lower()

    def load() -> UUID | None:
        return Certificate.objects.filter(vault_id=vault_id, folded_name=folded).values_list("pk", flat=True).first()

    return _ids.get((vault_id, folded), load)


def get_certificate(*, vault_id: UUID, name: str) -> Certificate:
    """The live certificate, with its current version and operation if there are any. Raises `CertificateNotFound`."""
    rows = Certificate.objects.filter(vault_id=vault_id, folded_name=name.lower(), deleted__isnull=True)
    row = rows.select_related("current", "operation").first()
    if row is None:
        raise not_found(name)
    return row


def get_version(*, vault_id: UUID, name: str, version: str) -> CertificateVersion:
    """The named version. Raises `CertificateNotFound`."""
    rows = CertificateVersion.objects.select_related("certificate__operation", "key_version", "secret_version")
    row = rows.filter(
        certificate__vault_id=vault_id,
        certificate__folded_name=name.lower(),
        certificate__deleted__isnull=True,
        version=version.lower(),
    ).first()
    if row is None:
        raise not_found(name, version)
    return row


def get_operation(*, vault_id: UUID, name: str, request_id: str = "") -> CertificateOperation:
    """The certificate's operation. Raises `PendingCertificateNotFound`, also when `request_id` names another."""
    rows = CertificateOperation.objects.select_related("certificate").filter(
        certificate__vault_id=vault_id, certificate__folded_name=name.lower(), certificate__deleted__isnull=True
    )
    row = rows.first()
    if row is None or (request_id and request_id.lower() != row.pk.hex):
        raise PendingCertificateNotFound(f"Pending certificate not found: {name}")
    return row


def list_certificates(
    *, vault_id: UUID, after: str = "", limit: int, include_pending: bool = False
) -> list[Certificate]:
    """Certificates by name, with their current versions."""
    made = Q() if include_pending else Q(current__isnull=False)
    rows = Certificate.objects.filter(made, vault_id=vault_id, deleted__isnull=True, folded_name__gt=after)
    return list(rows.select_related("current", "operation").order_by("folded_name")[:limit])


def list_versions(*, vault_id: UUID, name: str, after: str = "", limit: int) -> list[CertificateVersion]:
    """Versions by version id; empty for a certificate that is not there."""
    rows = CertificateVersion.objects.filter(
        certificate__vault_id=vault_id,
        certificate__folded_name=name.lower(),
        certificate__deleted__isnull=True,
        version__gt=after,
    )
    return list(rows.select_related("certificate").order_by("version")[:limit])


def all_versions(certificate: Certificate) -> list[CertificateVersion]:
    """Every version with its key and secret, oldest first."""
    rows = CertificateVersion.objects.filter(certificate=certificate)
    rows = rows.select_related("certificate", "key_version__protected", "key_version__key", "secret_version__secret")
    return list(rows.order_by("created", "pk"))


def get_deleted(*, vault_id: UUID, name: str) -> Certificate:
    """The deleted certificate of that name. Raises `CertificateNotFound`."""
    rows = Certificate.objects.filter(vault_id=vault_id, folded_name=name.lower(), deleted__isnull=False)
    row = rows.select_related("current", "operation").first()
    if row is None:
        raise CertificateNotFound(f"Deleted Certificate not found: {name}")
    return row


def list_deleted(*, vault_id: UUID, after: str = "", limit: int) -> Sequence[Certificate]:
    """Deleted certificates by name."""
    return soft_delete.list_deleted(Certificate, vault_id=vault_id, after=after, limit=limit)


def get_contacts(*, vault_id: UUID) -> list[dict[str, str]]:
    """The vault's contacts. Raises `ContactsNotFound`."""
    row = Contacts.objects.filter(vault_id=vault_id).first()
    if row is None:
        raise ContactsNotFound("Contacts not found")
    people: list[dict[str, str]] = row.people
    return people


def get_issuer(*, vault_id: UUID, name: str) -> Issuer:
    """Raises `IssuerNotFound`."""
    row = Issuer.objects.filter(vault_id=vault_id, folded_name=name.lower()).first()
    if row is None:
        raise IssuerNotFound("Issuer not found")
    return row


def list_issuers(*, vault_id: UUID, after: str = "", limit: int) -> list[Issuer]:
    """Issuers by name."""
    rows = Issuer.objects.filter(vault_id=vault_id, folded_name__gt=after)
    return list(rows.order_by("folded_name")[:limit])


def find_authority(*, vault_id: UUID, issuer: str) -> IssuingAuthority | None:
    """The built-in authority behind an issuer's name, when it is one and ready."""
    rows = IssuingAuthority.objects.filter(issuer__vault_id=vault_id, issuer__folded_name=issuer.lower())
    return rows.filter(protected__isnull=False, issuer__enabled=True).select_related("protected__world").first()


def invalidate(*, vault_id: UUID, name: str) -> None:
    """Let this process see its own change at once."""
    _ids.invalidate((vault_id, name.lower()))


def not_found(name: str, version: str = "") -> CertificateNotFound:
    """The error for a name that no live certificate has."""
    return CertificateNotFound(
        f"A certificate with (name/id) {name}{'/' if version else ''}{version} was not found in this key vault. "
        "If you recently deleted this certificate you may be able to recover it using the correct recovery command. "
        "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
    )
