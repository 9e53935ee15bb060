"""The calendar of a vault: every kind of event, for those who may know of the object."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.catalog.calendar import BadPeriod, list_events
from apps.domain.keys.models import KeyVersion, RotationPolicy
from apps.domain.objects.schedule import Event
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.vaults import deletion
from apps.domain.vaults.models import Vault
from tests.support import actors

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def listed(principal, **more):
    moment = now()
    found = list_events(principal=principal, now=moment, days=365, **more)
    return [(round((one.at - moment) / DAY), str(one.what), f"{one.kind}/{one.name}", one.planned) for one in found]


def make_policy(key, **durations):
    RotationPolicy.objects.create(key=key, **durations, created=now(), updated=now())


def test_a_year_with_every_repetition(vault, people):
    make_policy(actors.make_key(vault, "monthly"), rotate_after_create="P100D", expiry_time="P1Y")
    secret = Secret.objects.create(vault=vault, name="password", folded_name="password")
    moments = {"created": now(), "updated": now(), "expires": now() + 50 * DAY}
    secret.current = SecretVersion.objects.create(secret=secret, version="1" * 32, sealed=b"x", **moments)
    secret.save()
    gone = actors.make_key(vault, "gone")
    type(gone).objects.filter(pk=gone.pk).update(deleted=now(), purge_after=now() + 90 * DAY)
    Vault.objects.filter(pk=vault.pk).update(near_expiry_days=7)
    assert listed(people.secops) == [
        (43, "expires soon", "secrets/password", False),
        (50, "expires", "secrets/password", False),
        (90, "is purged", "keys/gone", False),
        (100, "rotates", "keys/monthly", False),
        (200, "rotates", "keys/monthly", True),
        (300, "rotates", "keys/monthly", True),
    ]
    assert listed(people.secops, vault="other") == []
    assert listed(people.secops, events={Event.EXPIRE}) == [(50, "expires", "secrets/password", False)]
    assert listed(people.dev) == []


def test_the_first_events_of_all_objects_come_first(vault, people):
    for name, duration in (("a", "P100D"), ("b", "P70D")):
        make_policy(actors.make_key(vault, name), rotate_after_create=duration)
    first = [(70, "rotates", "keys/b", False), (100, "rotates", "keys/a", False)]
    assert listed(people.secops, limit=3) == [*first, (140, "rotates", "keys/b", True)]
    assert listed(people.secops, repeated=False) == first


def test_a_notice_that_was_given_and_a_disabled_key_are_left_out(vault, people):
    key = actors.make_key(vault)
    KeyVersion.objects.update(expires=now() + 40 * DAY, enabled=False)
    make_policy(key, rotate_after_create="P30D", notify_before_expiry="P10D", notified_for=key.current_id)
    assert listed(people.secops) == [(40, "expires", "keys/x", False)]


def test_a_deleted_vault_is_purged(vault, people):
    grant = actors.grant_of(people.secops, Permission.VAULTS_DELETE, vault)
    deletion.delete(grant=grant, vault=vault, now=now())
    assert listed(people.secops) == [(90, "is purged", "vaults/payroll", False)]


@pytest.mark.parametrize("days", [0, 367])
def test_a_period_has_an_end(people, days):
    with pytest.raises(BadPeriod):
        list_events(principal=people.secops, now=now(), days=days)
