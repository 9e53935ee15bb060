"""What is said about certificates: attributes, tags, and the policy of the next version."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.certificates import queries, x509
from apps.domain.certificates.models import Certificate, CertificateVersion
from apps.domain.certificates.policy import SELF, UNKNOWN, Policy, validate_policy
from apps.domain.keys import queries as keys
from apps.domain.keys.models import KeyVersion
from apps.domain.secrets.models import SecretVersion
from apps.domain.vaults.models import Vault

_UPDATABLE = frozenset({"enabled", "tags"})


def update(
    *,
    grant: Grant,
    vault: Vault,
    name: str,
    version: str,
    changes: dict[str, Any],
    policy: Policy | None = None,
    now: datetime,
) -> CertificateVersion:
    """Change enabled and tags of a version (the newest, when none is named), and perhaps the policy.

    A disabled certificate disables its key and secret. Raises `CertificateNotFound`, `BadPolicy`.
    """
    grant.require(Permission.CERTIFICATES_UPDATE, vault_id=vault.pk)
    row = _version(vault, name, version)
    changes = {field: value for field, value in changes.items() if field in _UPDATABLE and value is not None}
    with transaction.atomic():
        row = CertificateVersion.objects.select_for_update(of=("self",)).select_related("certificate").get(pk=row.pk)
        for field, value in changes.items():
            setattr(row, field, value)
        row.updated = now
        row.save(update_fields=[*changes, "updated"])
        if "enabled" in changes:
            dependents = {"enabled": row.enabled, "updated": now}
            KeyVersion.objects.filter(pk=row.key_version_id).update(**dependents)
            SecretVersion.objects.filter(pk=row.secret_version_id).update(**dependents)
        if policy is not None:
            _store(row.certificate, policy, now)
        append_change(
            grant,
            operation=Operation.CERTIFICATE_UPDATE,
            object_id=f"certificates/{row.certificate.name}/{row.version}",
            changed=sorted(changes),
        )
    keys.invalidate(vault_id=vault.pk, name=name, version=row.version)
    return row


def set_policy(*, grant: Grant, vault: Vault, name: str, policy: Policy, now: datetime) -> Certificate:
    """The policy of the next version. Raises `CertificateNotFound`, `BadPolicy`, `IssuerNotFound`."""
    grant.require(Permission.CERTIFICATES_UPDATE, vault_id=vault.pk)
    certificate = queries.get_certificate(vault_id=vault.pk, name=name)
    if policy.issuer not in (SELF, UNKNOWN):
        queries.get_issuer(vault_id=vault.pk, name=policy.issuer)
    with transaction.atomic():
        _store(certificate, policy, now)
        append_change(
            grant, operation=Operation.CERTIFICATE_POLICY_UPDATE, object_id=f"certificates/{certificate.name}"
        )
    return certificate


def _store(certificate: Certificate, policy: Policy, now: datetime) -> None:
    x509.check_subject(validate_policy(policy))
    certificate.policy, certificate.policy_updated = policy.as_dict(), now
    certificate.save(update_fields=["policy", "policy_updated"])


def _version(vault: Vault, name: str, version: str) -> CertificateVersion:
    if version:
        return queries.get_version(vault_id=vault.pk, name=name, version=version)
    current = queries.get_certificate(vault_id=vault.pk, name=name).current
    if current is None:
        raise queries.not_found(name)
    return current
