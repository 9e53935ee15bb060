"""Lifetime actions, run by the scheduler: renewing a certificate, or recording that it expires soon."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

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
from apps.domain.certificates.policy import CertificateSchedule, Policy, load_policy
from apps.domain.objects.schedule import Event, facts_of

_BATCH = 200


def run_due_actions(*, grant: Grant, now: datetime) -> int:
    """Carry out what is due, once for each version. Returns how many; HSM workers finish the renewals.

    Two schedulers at once are harmless: a certificate that the other has locked is left out.
    """
    grant.require(Permission.VAULTS_SWEEP)
    rows = Certificate.objects.filter(deleted__isnull=True, vault__deleted__isnull=True)
    rows = rows.filter(current__acted="", current__isnull=False)
    waiting = rows.select_related("current", "vault").defer("current__cer").order_by("current__expires")
    # All of them are asked: those that expire first need not be due, and an action that fails stays due.
    due = [row.pk for row in waiting.iterator() if _due_event(row, now)]
    locked = rows.select_related("current", "vault__world").select_for_update(of=("self",), skip_locked=True)
    batches = (due[start : start + _BATCH] for start in range(0, len(due), _BATCH))
    return sum(_run_actions(locked.filter(pk__in=batch), now) for batch in batches)


def _run_actions(rows: QuerySet[Certificate], now: datetime) -> int:
    count = 0
    with transaction.atomic():
        for certificate in rows.order_by("current__expires"):
            current, event = certificate.current, _due_event(certificate, now)
            if current is not None and event is not None:
                count += _run_action(certificate, current, load_policy(certificate.policy), event, now)
    return count


def _due_event(certificate: Certificate, now: datetime) -> Event | None:
    """The lifetime action of the current version that is due, if one is."""
    if certificate.current is None:
        return None
    schedule = CertificateSchedule(load_policy(certificate.policy), certificate.vault.near_expiry_days)
    times = schedule.times(facts_of(certificate.current))
    return next((event for event in (Event.RENEW, Event.NOTICE) if event in times and times[event] <= now), None)


def _run_action(
    certificate: Certificate, current: CertificateVersion, policy: Policy, event: Event, now: datetime
) -> int:
    grant = scheduled_grant(certificate.vault, "certificate", certificate.name, certificate.pk)
    if event is Event.RENEW:
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
    CertificateVersion.objects.filter(pk=current.pk).update(acted=policy.actions[0].kind)
    return 1
