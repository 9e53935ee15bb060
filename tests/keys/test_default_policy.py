"""What new keys and certificates of a vault inherit."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.catalog.default_policies import DefaultPolicies, find_defaults, set_defaults
from apps.domain.certificates.policy import AUTO_RENEW, EMAIL_CONTACTS, SELF, UNKNOWN, Action, Policy, with_defaults
from apps.domain.keys.default_policy import inherit
from apps.domain.keys.models import RotationPolicy
from apps.domain.keys.operations import rotation
from apps.domain.keys.queries import find_rotation_policy
from apps.domain.keys.rotation_policy import RotationPolicyValues
from tests.support import actors

pytestmark = pytest.mark.django_db
QUARTERLY = RotationPolicyValues(rotate_after_create="P90D", expiry_time="P1Y", notify_before_expiry="P30D")


@pytest.fixture
def set_default(vault, people):
    def change(keys=QUARTERLY, *, existing=False):
        grant = actors.grant_of(people.secops, Permission.VAULTS_UPDATE)
        set_defaults(grant=grant, vault=vault, changes={"keys": keys}, existing_keys=existing, now=now())

    return change


def test_a_new_key_inherits_and_follows(vault, set_default):
    set_default()
    key = actors.make_key(vault)
    inherit(key, now=now())
    assert find_rotation_policy(key).inherited
    set_default(RotationPolicyValues(rotate_after_create="P30D"))
    assert find_rotation_policy(key).rotate_after_create == "P30D"
    set_default(None)
    assert find_rotation_policy(key) is None
    assert find_defaults(vault=vault) == DefaultPolicies()


def test_keys_that_were_there_inherit_only_if_asked(vault, set_default):
    key = actors.make_key(vault)
    set_default()
    assert find_rotation_policy(key) is None
    set_default(existing=True)
    assert find_rotation_policy(key).rotate_after_create == "P90D"


def test_a_policy_of_its_own_stays(vault, people, set_default):
    set_default()
    key = actors.make_key(vault)
    inherit(key, now=now())
    grant = actors.grant_of(people.app, Permission.KEYS_SET_ROTATION_POLICY, vault)
    own = RotationPolicyValues(rotate_after_create="P60D")
    rotation.set_policy(grant=grant, vault=vault, name="x", policy=own, now=now())
    set_default(RotationPolicyValues(rotate_after_create="P30D"), existing=True)
    row = find_rotation_policy(key)
    assert (row.rotate_after_create, row.inherited) == ("P60D", False)


def test_the_scheduler_plans_a_policy_again_when_it_or_the_version_changes(vault, set_default):
    set_default()
    key = actors.make_key(vault)
    inherit(key, now=now())
    grant = scheduled_grant()

    def plan():
        return rotation.plan_changed(grant=grant, now=now()), RotationPolicy.objects.get(key=key).rotation_due

    created = key.current.created
    assert plan() == (1, created + timedelta(days=90))
    assert plan()[0] == 0
    set_default(RotationPolicyValues(rotate_after_create="P30D"))
    assert plan() == (1, created + timedelta(days=30))
    type(key.current).objects.update(enabled=False)
    assert plan() == (1, None)


@pytest.mark.parametrize(
    ("default", "issuer", "action"),
    [
        (None, SELF, Action(AUTO_RENEW, percentage=80)),
        (None, UNKNOWN, Action(EMAIL_CONTACTS, percentage=80)),
        (Action(AUTO_RENEW, days=20), SELF, Action(AUTO_RENEW, days=20)),
        (Action(AUTO_RENEW, days=20), UNKNOWN, Action(EMAIL_CONTACTS, days=20)),
        (Action(EMAIL_CONTACTS, days=20), SELF, Action(EMAIL_CONTACTS, days=20)),
        (Action(AUTO_RENEW, days=400), SELF, Action(AUTO_RENEW, percentage=80)),
    ],
)
def test_a_certificate_without_a_lifetime_action_gets_the_default(default, issuer, action):
    stored = None if default is None else {"kind": default.kind, "percentage": default.percentage, "days": default.days}
    assert with_defaults(Policy(issuer=issuer), default=stored).actions == (action,)
