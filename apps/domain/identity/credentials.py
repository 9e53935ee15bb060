"""Credentials of application identities beyond client secrets: certificates, and trust in another issuer's tokens.

Each function raises `ApplicationNotFound` for a developer who does not own the application. Adding a credential is a
way to act with the application's roles: if it has some in production vaults, each raises `ApprovalRequired`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import IntegrityError, transaction
from django.db.models import Min

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest, Conflict
from apps.core.foreign_certificates import UnreadableCertificate, read_certificates_pem
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import approved_access, end_requests
from apps.domain.approvals.people import How, record_control, record_removal
from apps.domain.identity import document_fetch
from apps.domain.identity.models import ApplicationIdentity, ClientCertificate, ClientSecret, FederatedTrust
from apps.domain.identity.queries import check_visible
from apps.domain.identity.rules import MAX_CREDENTIALS

_LARGEST_PEM = 16 * 1024
_SMALLEST_RSA = 2048


class BadCredential(BadRequest):
    """An invalid certificate or trust."""


class CredentialTaken(Conflict):
    """The application has this credential already, or the most that it may have."""


@contextmanager
def added_credential(
    *, grant: Grant, application: ApplicationIdentity, what: dict[str, str], now: datetime
) -> Iterator[list[Any]]:
    """Run the body, which appends the row of the credential that it adds, with approval if one is needed.

    `what`: the credential, for the approver; an approval is for exactly this one. The person who adds it counts as the
    application from now on, and approvals about the application end. Raises `ApprovalRequired`, `AccessChanged`.
    """
    grant.require(Permission.APPLICATIONS_CREATE)
    with approved_access(
        grant=grant,
        act=GuardedOperation.CREDENTIAL,
        principal_id=application.user_id,
        subject=f"applications/{application.name}",
        change={"who": application.name, **what},
        now=now,
    ):
        added: list[Any] = []
        yield added
        for row in added:
            record_control(
                principal_id=application.user_id,
                by=grant.principal,
                how=How.CREDENTIAL,
                credential_id=row.pk,
                expires=getattr(row, "expires", None),
                now=now,
            )
        end_requests(grant=grant, concerns=application.user_id)


def add_certificate(*, grant: Grant, application: ApplicationIdentity, pem: str, now: datetime) -> ClientCertificate:
    """Add a certificate that signs token requests. Raises `BadCredential`, `CredentialTaken`."""
    grant.require(Permission.APPLICATIONS_CREATE)
    check_visible(grant.principal, application)
    certificate = _parse_certificate(pem, now)
    if ClientCertificate.objects.filter(application=application).count() >= MAX_CREDENTIALS:
        raise CredentialTaken(
            f"The application has {MAX_CREDENTIALS} certificates, as many as it may have. Remove one first."
        )
    fingerprint = certificate.fingerprint(hashes.SHA256())
    what = {"credential": "certificate", "SHA-256": fingerprint.hex()}
    with added_credential(grant=grant, application=application, what=what, now=now) as added:
        try:
            with transaction.atomic():
                row = ClientCertificate.objects.create(
                    application=application,
                    der=certificate.public_bytes(Encoding.DER),
                    sha1=certificate.fingerprint(hashes.SHA1()),  # noqa: S303  it names the certificate, as `x5t` does
                    sha256=fingerprint,
                    subject=certificate.subject.rfc4514_string()[:300],
                    created=now,
                    expires=certificate.not_valid_after_utc,
                )
        except IntegrityError:
            raise CredentialTaken("The application has this certificate already.") from None
        added.append(row)
        _record(grant, application, Operation.APPLICATION_CERTIFICATE_PUT, thumbprint=fingerprint.hex())
    return row


def add_trust(
    *, grant: Grant, application: ApplicationIdentity, issuer: str, subject: str, audience: str, now: datetime
) -> FederatedTrust:
    """Accept an issuer's tokens for this subject and audience as the application's credential.

    Raises `BadAddress`, `BadCredential`, `CredentialTaken`.
    """
    grant.require(Permission.APPLICATIONS_CREATE)
    check_visible(grant.principal, application)
    document_fetch.check_address(issuer)
    for text in (subject, audience):
        if not (1 <= len(text) <= 512 and text.isprintable() and text.strip() == text) or "*" in text:
            raise BadCredential("Subject and audience are exact texts, up to 512 characters, without wildcards.")
    if FederatedTrust.objects.filter(application=application).count() >= MAX_CREDENTIALS:
        raise CredentialTaken(
            f"The application trusts {MAX_CREDENTIALS} subjects, as many as it may. Remove one first."
        )
    trust = {"issuer": issuer, "subject": subject, "audience": audience}
    what = {"credential": "federated trust", **trust}
    with added_credential(grant=grant, application=application, what=what, now=now) as added:
        try:
            with transaction.atomic():
                row = FederatedTrust.objects.create(application=application, created=now, **trust)
        except IntegrityError:
            raise CredentialTaken("The application trusts this subject of this issuer already.") from None
        added.append(row)
        _record(grant, application, Operation.APPLICATION_TRUST_PUT, **trust)
    return row


@transaction.atomic
def remove_credential(*, grant: Grant, application: ApplicationIdentity, credential_id: UUID, now: datetime) -> bool:
    """Remove a credential of any kind; its tokens live until they expire. True when it existed."""
    grant.require(Permission.APPLICATIONS_CREATE)
    check_visible(grant.principal, application)
    removed = 0
    for model, operation in (
        (ClientSecret, Operation.APPLICATION_SECRET_DELETE),
        (ClientCertificate, Operation.APPLICATION_CERTIFICATE_DELETE),
        (FederatedTrust, Operation.APPLICATION_TRUST_DELETE),
    ):
        deleted, _ = model.objects.filter(application=application, pk=credential_id).delete()
        if deleted:
            record_removal(credential_id=credential_id, now=now)
            _record(grant, application, operation, credential=str(credential_id))
        removed += deleted
    return removed > 0


def list_certificates(*, application: ApplicationIdentity) -> list[ClientCertificate]:
    """List the certificates by expiry."""
    return list(ClientCertificate.objects.filter(application=application).order_by("expires"))


def list_trusts(*, application: ApplicationIdentity) -> list[FederatedTrust]:
    """List the trusts, the oldest first."""
    return list(FederatedTrust.objects.filter(application=application).order_by("created"))


def first_expiry(*, application: ApplicationIdentity) -> datetime | None:
    """Return when the first of its secrets and certificates expires; None without any."""
    models = (ClientSecret, ClientCertificate)
    dates = [model.objects.filter(application=application).aggregate(first=Min("expires"))["first"] for model in models]
    return min((date for date in dates if date is not None), default=None)


def _parse_certificate(pem: str, now: datetime) -> x509.Certificate:
    if len(pem) > _LARGEST_PEM:
        raise BadCredential("This is too long for a certificate.")
    if "PRIVATE KEY" in pem:
        raise BadCredential("This holds a private key. Keep that with the application and bring the certificate alone.")
    try:
        certificates = read_certificates_pem(pem.encode("utf-8", "replace"))
        certificate = certificates[0]
        key = certificate.public_key()
    except UnreadableCertificate as error:
        raise BadCredential(str(error)) from None
    except UnsupportedAlgorithm:
        key = None
    if len(certificates) > 1:
        raise BadCredential(
            f"This holds {len(certificates)} certificates. Bring the application's own certificate alone: its chain is "
            "not verified."
        )
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _SMALLEST_RSA:
        raise BadCredential(
            "The certificate needs an RSA key of at least 2048 bits: the Azure SDKs sign with no other."
        )
    if certificate.not_valid_after_utc <= now:
        raise BadCredential("The certificate has expired.")
    return certificate


def _record(grant: Grant, application: ApplicationIdentity, operation: Operation, **detail: Any) -> None:
    append_change(grant, operation=operation, object_id=f"applications/{application.client_id}", **detail)
