"""Reading what only certificates have: pending operations, contacts and issuers."""

from uuid import UUID

from apps.core.errors import Forbidden, NotFound
from apps.domain.certificates.models import CertificateOperation, Contacts, Issuer, IssuingAuthority


class PendingCertificateNotFound(NotFound):
    """The certificate has no operation."""


class ContactsNotFound(NotFound):
    """The vault has no certificate contacts."""


class IssuerNotFound(NotFound):
    """No such certificate issuer in this vault."""


class IssuerNotOffered(Forbidden):
    """No provider here delivers certificates of this issuer."""


def get_operation(*, vault_id: UUID, name: str, request_id: str = "") -> CertificateOperation:
    """The certificate's operation. Raises `PendingCertificateNotFound`, also when `request_id` names another."""
    rows = CertificateOperation.objects.select_related("certificate").filter(
        certificate__vault_id=vault_id, certificate__folded_name=name.lower(), certificate__deleted__isnull=True
    )
    row = rows.first()
    if row is None or (request_id and request_id.lower() != row.pk.hex):
        raise PendingCertificateNotFound(f"Pending certificate not found: {name}")
    return row


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


def check_delivers(*, vault_id: UUID, issuer: str) -> None:
    """Raise `IssuerNotFound`, or `IssuerNotOffered` for an issuer that is off, or of a provider that is not here."""
    row = get_issuer(vault_id=vault_id, name=issuer)
    if find_authority(vault_id=vault_id, issuer=issuer) is None:
        state = "is disabled" if not row.enabled else f"has the provider '{row.provider[:40]}'"
        raise IssuerNotOffered(
            f"The issuer '{row.name[:40]}' {state} and delivers no certificates here. Use the provider VaultPortal, or "
            "the issuer Unknown with a certificate of another authority."
        )


def list_issuers(*, vault_id: UUID, after: str = "", limit: int) -> list[Issuer]:
    """Issuers by name."""
    rows = Issuer.objects.filter(vault_id=vault_id, folded_name__gt=after)
    return list(rows.order_by("folded_name")[:limit])


def find_authority(*, vault_id: UUID, issuer: str) -> IssuingAuthority | None:
    """The built-in authority behind an issuer's name, when it is one and ready."""
    rows = IssuingAuthority.objects.select_related("protected", "issuer__vault__world")
    named = rows.filter(issuer__vault_id=vault_id, issuer__folded_name=issuer.lower(), issuer__enabled=True)
    return named.filter(protected__isnull=False).first()
