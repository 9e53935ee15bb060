"""Lifetime actions of many certificates: one that is not due holds none up that is."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.certificates.models import Certificate, CertificateVersion
from apps.domain.certificates.operations import renewal
from apps.domain.certificates.policy import EMAIL_CONTACTS, UNKNOWN, Action, Policy
from apps.domain.secrets.models import Secret, SecretVersion
from tests.support import actors

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def make_certificate(vault, name, *, expires, days):
    """A certificate of the last hundred days; its contacts get a notice some days before its expiry."""
    policy = Policy(issuer=UNKNOWN, actions=(Action(EMAIL_CONTACTS, days=days),)).as_dict()
    times = {"policy_created": now(), "policy_updated": now()}
    row = Certificate.objects.create(vault=vault, name=name, folded_name=name, policy=policy, **times)
    secret = Secret.objects.create(vault=vault, name=name, folded_name=name, managed=True)
    moments = {"created": now(), "updated": now()}
    row.current = CertificateVersion.objects.create(
        certificate=row,
        version="1" * 32,
        key_version=actors.make_key(vault, name).current,
        secret_version=SecretVersion.objects.create(secret=secret, version="1" * 32, sealed=b"x", **moments),
        cer=b"c",
        not_before=now() - 100 * DAY,
        expires=now() + expires * DAY,
        **moments,
    )
    row.save()
    return row


def test_a_certificate_that_expires_first_holds_up_none_that_is_due(vault, monkeypatch):
    monkeypatch.setattr(renewal, "_BATCH", 1)
    make_certificate(vault, "first", expires=5, days=1)
    due = [make_certificate(vault, name, expires=10, days=20).pk for name in ("second", "third")]
    assert renewal.run_due_actions(grant=scheduled_grant(), now=now()) == 2
    acted = CertificateVersion.objects.exclude(acted="").values_list("certificate_id", flat=True)
    assert set(acted) == set(due)
    assert renewal.run_due_actions(grant=scheduled_grant(), now=now()) == 0
