"""Deleting certificates with their keys and secrets, getting them back, and removing them for good."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.domain.access import operations as access
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import requires_approval
from apps.domain.certificates import queries
from apps.domain.certificates.models import Certificate, CertificateOperation, CertificateVersion
from apps.domain.keys import queries as keys
from apps.domain.keys.models import Key
from apps.domain.keys.operations import soft_delete as key_recycling
from apps.domain.objects import soft_delete
from apps.domain.secrets.models import Secret
from apps.domain.secrets.operations import soft_delete as secret_recycling
from apps.domain.vaults import rules
from apps.domain.vaults.models import Vault


@transaction.atomic
def delete(*, grant: Grant, vault: Vault, name: str, now: datetime) -> Certificate:
    """Delete a certificate, its key and its secret, softly. Raises `CertificateNotFound`."""
    grant.require(Permission.CERTIFICATES_DELETE, vault_id=vault.pk)
    certificate = soft_delete.lock_live(Certificate, vault=vault, name=name)
    if certificate is None:
        raise queries.not_found(name)
    for row in (certificate, *_dependents(certificate)):
        soft_delete.delete(row, vault, now=now)
    append_change(grant, operation=Operation.CERTIFICATE_DELETE, object_id=f"certificates/{certificate.name}")
    transaction.on_commit(lambda: keys.invalidate_all(vault_id=vault.pk, name=name))
    return certificate


@transaction.atomic
def recover(*, grant: Grant, vault: Vault, name: str) -> Certificate:
    """Make a deleted certificate live again. Raises `CertificateNotFound`."""
    grant.require(Permission.CERTIFICATES_RECOVER, vault_id=vault.pk)
    certificate = _deleted(vault, name)
    for row in (certificate, *_dependents(certificate)):
        soft_delete.recover(row)
    append_change(grant, operation=Operation.CERTIFICATE_RECOVER, object_id=f"certificates/{certificate.name}")
    return certificate


def purge(*, grant: Grant, vault: Vault, name: str, now: datetime) -> None:
    """Remove a deleted certificate, its key and its secret for good. Raises `CertificateNotFound`, `PurgeProtected`,
    `SecondPersonNeeded`.
    """
    grant.require(Permission.CERTIFICATES_PURGE, vault_id=vault.pk)
    with transaction.atomic():
        subject = f"certificates/{_purgeable(vault, name, now).name}"
    with requires_approval(
        grant=grant, act=GuardedOperation.PURGE, guarded=vault.production, subject=subject, change={}, now=now
    ):
        certificate = _purgeable(vault, name, now)
        remove(grant=grant, certificate=certificate, now=now)
        append_change(grant, operation=Operation.CERTIFICATE_PURGE, object_id=subject)


def remove(*, grant: Grant, certificate: Certificate, now: datetime) -> None:
    """The rows of a deleted certificate, its key and its secret, inside the caller's transaction."""
    if grant.permission is not Permission.VAULTS_SWEEP:
        grant.require(Permission.CERTIFICATES_PURGE, vault_id=certificate.vault_id)
    dependents = _dependents(certificate)
    soft_delete.mark_purged(certificate, object_type="certificate", now=now)
    access.remove_object_assignments(grant=grant, object_type="certificate", object_id=certificate.pk)
    Certificate.objects.filter(pk=certificate.pk).update(current=None)
    CertificateOperation.objects.filter(certificate=certificate).delete()
    CertificateVersion.objects.filter(certificate=certificate).delete()
    Certificate.objects.filter(pk=certificate.pk).delete()
    for row in dependents:
        if isinstance(row, Key):
            key_recycling.remove(grant=grant, key=row, now=now)
        else:
            secret_recycling.remove(grant=grant, secret=row, now=now)


def _dependents(certificate: Certificate) -> list[Any]:
    """The key and the secret of the same name, locked."""
    found: list[Any] = []
    for model in (Key, Secret):
        rows = model.objects.select_for_update(of=("self",)).select_related("vault")
        found += rows.filter(vault_id=certificate.vault_id, folded_name=certificate.folded_name, managed=True)
    return found


def _purgeable(vault: Vault, name: str, now: datetime) -> Certificate:
    certificate = _deleted(vault, name)
    rules.check_purge(vault, purge_after=certificate.purge_after, now=now)
    return certificate


def _deleted(vault: Vault, name: str) -> Certificate:
    certificate = soft_delete.lock_deleted(Certificate, vault=vault, name=name)
    if certificate is None:
        raise queries.CertificateNotFound(f"Deleted Certificate not found: {name}")
    return certificate
