"""Lifetime actions, run by the scheduler: renewing a certificate, or recording that it expires soon."""

from datetime import datetime

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import VaultError
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.certificates.kind import CERTIFICATES
from apps.domain.certificates.models import Certificate, CertificateOperation, CertificateVersion
from apps.domain.certificates.operations import creation
from apps.domain.certificates.operations.creation import VersionAttributes
from apps.domain.certificates.policy import AUTO_RENEW, UNKNOWN, Policy, load_policy

_BATCH = 200


def run_due_actions(*, grant: Grant, now: datetime) -> int:
    """Carry out what is due, once for each version. Returns how many; HSM workers finish the renewals.

    Two schedulers at once are harmless: a certificate that the other has locked is left out.
    """
    grant.require(Permission.VAULTS_SWEEP)
    count = 0
    with transaction.atomic():
        rows = Certificate.objects.filter(deleted__isnull=True, vault__deleted__isnull=True)
        rows = rows.filter(current__acted="", current__isnull=False)
        rows = rows.select_related("current", "vault__world").select_for_update(of=("self",), skip_locked=True)
        for certificate in rows.order_by("current__expires")[:_BATCH]:
            current, policy = certificate.current, load_policy(certificate.policy)
            if current is not None and _is_due(current, policy, now):
                count += _run_action(certificate, current, policy, now)
    return count


def _is_due(current: CertificateVersion, policy: Policy, now: datetime) -> bool:
    return any(action.due(not_before=current.not_before, expires=current.expires) <= now for action in policy.actions)


def _run_action(certificate: Certificate, current: CertificateVersion, policy: Policy, now: datetime) -> int:
    action = policy.actions[0]
    grant = scheduled_grant(certificate.vault, "certificate", certificate.name, certificate.pk)
    if action.kind == AUTO_RENEW and policy.issuer != UNKNOWN:
        attributes = VersionAttributes(current.enabled, current.tags, current.preserve_order)
        CertificateOperation.objects.filter(certificate=certificate, status=CertificateOperation.Status.FAILED).delete()
        try:
            with transaction.atomic():
                creation.start_creation(
                    grant=grant,
                    vault=certificate.vault,
                    certificate=certificate,
                    attributes=attributes,
                    operation=Operation.CERTIFICATE_RENEW,
                    now=now,
                )
        except VaultError:  # an operation is in progress, or the certificate was just deleted
            return 0
    else:
        object_id = CERTIFICATES.object_id(certificate.name, current.version)
        append_change(grant, operation=Operation.CERTIFICATE_NEAR_EXPIRY, object_id=object_id)
    CertificateVersion.objects.filter(pk=current.pk).update(acted=action.kind)
    return 1
