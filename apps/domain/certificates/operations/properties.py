"""Attributes and tags of certificates, and the policy of the next version."""

from datetime import datetime
from typing import Any

from apps.audit_log.operation_names import Operation
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.certificates import queries, x509
from apps.domain.certificates.kind import CERTIFICATES
from apps.domain.certificates.models import Certificate, CertificateVersion
from apps.domain.certificates.policy import SELF, UNKNOWN, Policy, validate_policy
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
    """Change enabled and tags of a version (the current one, when none is named), and perhaps the policy.

    A disabled certificate disables its key and secret. Raises `CertificateNotFound`, `BadPolicy`.
    """
    grant.require(Permission.CERTIFICATES_UPDATE, vault_id=vault.pk)
    row = CERTIFICATES.get_version(vault.pk, name, version)
    changes = {field: value for field, value in changes.items() if field in _UPDATABLE and value is not None}
    owner = row.certificate
    with recorded_change(
        grant,
        Operation.CERTIFICATE_UPDATE,
        object_id=CERTIFICATES.object_id(owner.name, row.version),
        invalidate=lambda: CERTIFICATES.invalidate(owner.vault_id, owner.name, row.version),
        changed=sorted(changes),
    ):
        locked = CERTIFICATES.lock_version(row.pk)
        if "enabled" in changes:
            dependents = {"enabled": changes["enabled"], "updated": now}
            KeyVersion.objects.filter(pk=row.key_version_id).update(**dependents)
            SecretVersion.objects.filter(pk=row.secret_version_id).update(**dependents)
        if policy is not None:
            _store_policy(locked.certificate, policy, now)
        for field, value in changes.items():
            setattr(locked, field, value)
        locked.updated = now
        locked.save(update_fields=[*changes, "updated"])
    return locked


def set_policy(*, grant: Grant, vault: Vault, name: str, policy: Policy, now: datetime) -> Certificate:
    """Set the policy of the next version. Raises `CertificateNotFound`, `BadPolicy`, `IssuerNotFound`."""
    grant.require(Permission.CERTIFICATES_UPDATE, vault_id=vault.pk)
    certificate = CERTIFICATES.get(vault.pk, name)
    if policy.issuer not in (SELF, UNKNOWN):
        queries.get_issuer(vault_id=vault.pk, name=policy.issuer)
    object_id = CERTIFICATES.object_id(certificate.name)
    with recorded_change(grant, Operation.CERTIFICATE_POLICY_UPDATE, object_id=object_id):
        _store_policy(certificate, policy, now)
    return certificate


def _store_policy(certificate: Certificate, policy: Policy, now: datetime) -> None:
    x509.check_creatable(validate_policy(policy))
    certificate.policy, certificate.policy_updated = policy.as_dict(), now
    certificate.save(update_fields=["policy", "policy_updated"])
