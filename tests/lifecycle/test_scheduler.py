"""The scheduler's sweep under its own database role, with real HSM workers behind: a year in a minute."""

import math
import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from azure.keyvault.certificates import CertificateClient, CertificatePolicy
from azure.keyvault.keys import KeyRotationLifetimeAction, KeyRotationPolicy

from apps.audit_log.sealing import tag_of
from tests.lifecycle.conftest import SWEEP
from tests.support import records
from tests.support.management import vault_name
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

# Sweeps on simulated days ("1,2,7" from now), and waits until the jobs that it began are done before the next one.
YEAR = """
import time
from datetime import timedelta
from apps.core.clock import now
from apps.domain.hsm_client.models import Job
from apps.workers.scheduler.maintenance import sweep
begin = now()
for day in map(int, sys.argv[1].split(",")):
    done = sweep(now=begin + timedelta(days=day))
    if any(done.values()):
        print(day, {what: count for what, count in done.items() if count}, flush=True)
    while Job.objects.filter(state__in=["queued", "running"]).exists():
        time.sleep(0.02)
"""


@pytest.fixture(autouse=True)
def _others_rest(owner):
    """What other tests left behind has no part in the simulation."""
    owner.execute("DELETE FROM keys_rotationpolicy")
    owner.execute("UPDATE certificates_certificateversion SET acted = 'test' WHERE acted = ''")


def recorded(operation, name):
    """Successful outcomes at one object."""
    condition = "operation = %s AND object = %s AND phase = 'outcome' AND status = 200"
    return records.running(condition, [operation, tag_of("object", name)])


def policy(*, after=None, before=None, expiry=None, notify=None):
    actions = []
    if after or before:
        actions.append(KeyRotationLifetimeAction("Rotate", time_after_create=after, time_before_expiry=before))
    if notify:
        actions.append(KeyRotationLifetimeAction("Notify", time_before_expiry=notify))
    return KeyRotationPolicy(lifetime_actions=actions, expires_in=expiry)


class Year:
    """The calendar of a vault, and what the scheduler then does in a simulated year from `begin`."""

    def __init__(self, management, url):
        self.begin = datetime.now(UTC)
        self.calendar = management.ask("GET", f"coming?days=366&vault={vault_name(url)}").json()

    def pass_by(self, as_scheduler):
        """Sweep on each planned day, the days before and after it, and one day a week: nothing may come on others."""
        planned = self._days_of(self.calendar)
        near = {day + by for day in planned for by in (-1, 0, 1)} | set(range(0, 367, 7)) | {366}
        as_scheduler(YEAR, ",".join(str(day) for day in sorted(near) if 0 <= day <= 366))

    def planned(self, kind, name, what):
        """The days on which the calendar has an event of an object."""
        return self._days_of(e for e in self.calendar if (e["kind"], e["name"], e["what"]) == (kind, name, what))

    def made(self, versions):
        """The days on which versions were made since. The run began some seconds after `begin`."""
        moments = sorted(version.created_on for version in versions)
        return [round((moment - self.begin) / timedelta(days=1)) for moment in moments if moment > self.begin]

    def _days_of(self, events):
        """The days of the scheduler's daily runs that carry them out: these come at the same time of day as `begin`."""
        return [math.ceil((datetime.fromisoformat(event["at"]) - self.begin) / timedelta(days=1)) for event in events]


def test_in_a_simulated_year_each_policy_acts_when_the_calendar_says(
    stack, management, credential, keys_of, name, as_scheduler, owner
):
    url = management.vault()
    keys = keys_of(url)
    plan = {
        "quarterly": (policy(after="P90D"), 4),
        "before-expiry": (policy(before="P30D", expiry="P100D"), 5),
        "monthly-hsm": (policy(after="P1M"), 12),
        "never": (policy(notify="P30D", expiry="P90D"), 0),
        "disabled": (policy(after="P30D"), 0),
    }
    for key, (rules, _) in plan.items():
        keys.create_ec_key(key, hardware_protected=key.endswith("hsm"))
        keys.update_key_rotation_policy(key, rules)
    # The first version of a policy "before expiry" needs an expiry of its own.
    keys.rotate_key("before-expiry")
    keys.update_key_properties("disabled", enabled=False)
    certificates = CertificateClient(url, credential)
    own = CertificatePolicy("Self", subject="CN=renewed", key_type="EC", key_curve_name="P-256", exportable=True)
    certificates.create_issuer("ca", "VaultPortal")
    signed = CertificatePolicy("ca", subject="CN=signed", key_type="EC", key_curve_name="P-256", exportable=True)
    manual = CertificatePolicy("Self", subject="CN=notified", key_type="EC", key_curve_name="P-256", exportable=True)
    for certificate, rules in (("renewed", own), ("signed", signed), ("notified", manual)):
        certificates.begin_create_certificate(certificate, rules).wait()
    from azure.keyvault.certificates import LifetimeAction

    reported = certificates.get_certificate_policy("notified")
    reported._lifetime_actions = [LifetimeAction("EmailContacts", days_before_expiry=90)]
    certificates.update_certificate_policy("notified", reported)
    before = {key: len(list(keys.list_properties_of_key_versions(key))) for key in plan}
    year = Year(management, url)
    year.pass_by(as_scheduler)
    for key in plan:
        assert year.made(keys.list_properties_of_key_versions(key)) == year.planned("keys", key, "rotates"), key
    for certificate in ("renewed", "signed", "notified"):
        versions = certificates.list_properties_of_certificate_versions(certificate)
        assert year.made(versions) == year.planned("certificates", certificate, "is renewed"), certificate
    assert len(year.planned("certificates", "notified", "is reported")) == 1
    for key, (_, times) in plan.items():
        found = len(list(keys.list_properties_of_key_versions(key))) - before[key]
        assert found == times, key
    newest = keys.get_key("before-expiry").properties
    assert (newest.expires_on - newest.created_on).days == 100
    assert len(list(certificates.list_properties_of_certificate_versions("renewed"))) == 2
    assert len(list(certificates.list_properties_of_certificate_versions("signed"))) == 2
    assert len(list(certificates.list_properties_of_certificate_versions("notified"))) == 1
    notices = recorded("CertificateNearExpiryEventGridNotification", "certificates/notified")
    assert len(notices) == 1
    assert len(recorded("KeyRotateIfDue", "keys/quarterly")) == 4
    assert keys.get_key("monthly-hsm").properties.created_on > datetime.now(UTC)


def test_a_year_of_many_mixed_policies_is_as_the_calendar_says(management, keys_of, as_scheduler, owner):
    """With more of them: YEAR_OBJECTS=500 ./portal test tests/lifecycle/test_scheduler.py -k many"""
    url, chance = management.vault(), random.Random(17)
    keys = keys_of(url)
    names = [f"k{number}" for number in range(int(os.environ.get("YEAR_OBJECTS", "10")))]
    for key in names:
        after = chance.randrange(30, 200)
        expiry = chance.choice([None, after + 40])
        notify = chance.choice([20, 60])  # after the rotation, so never; or twenty days before it
        keys.create_ec_key(key)
        changed = policy(after=f"P{after}D", expiry=expiry and f"P{expiry}D", notify=f"P{notify}D" if expiry else None)
        keys.update_key_rotation_policy(key, changed)
    year = Year(management, url)
    year.pass_by(as_scheduler)
    for key in names:
        assert year.made(keys.list_properties_of_key_versions(key)) == year.planned("keys", key, "rotates"), key
    notices = [event for event in year.calendar if event["what"] == "expires soon"]
    (vault,) = owner.execute("SELECT id FROM vaults_vault WHERE name = %s", [vault_name(url)]).fetchone()
    condition = "operation = 'KeyNearExpiryEventGridNotification' AND log_id = %s"
    (found,) = owner.execute(f"SELECT count(*) FROM audit_event WHERE {condition}", [vault]).fetchone()
    assert found == len(notices)


def test_schedulers_side_by_side_do_the_work_once(management, keys_of, as_scheduler):
    keys = keys_of(management.vault())
    for number in range(20):
        keys.create_ec_key(f"k{number}")
        keys.update_key_rotation_policy(f"k{number}", policy(after="P30D"))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: as_scheduler(YEAR, "0,29,30,31"), range(3)))
    counts = [len(list(keys.list_properties_of_key_versions(f"k{number}"))) for number in range(20)]
    assert counts == [2] * 20


def test_what_was_deleted_is_purged_when_its_time_has_come(management, credential, keys_of, secrets_of, as_scheduler):
    url = management.vault(recoverable_days=7, purge_protection=True)
    keys, secrets, certificates = keys_of(url), secrets_of(url), CertificateClient(url, credential)
    keys.create_ec_key("key", hardware_protected=True)
    secrets.set_secret("secret", "value")
    rules = CertificatePolicy("Self", subject="CN=x", key_type="EC", key_curve_name="P-256", exportable=True)
    certificates.begin_create_certificate("certificate", rules).wait()
    for act in (
        lambda: keys.begin_delete_key("key").wait(),
        lambda: secrets.begin_delete_secret("secret").wait(),
        lambda: certificates.begin_delete_certificate("certificate").wait(),
    ):
        act()
    as_scheduler(SWEEP, 6.99)
    assert keys.get_deleted_key("key").name == "key"


def test_the_database_keeps_a_protected_object_until_its_day(management, secrets_of, owner, as_scheduler):
    """Sweeping with a wrong clock removes nothing: the trigger looks at the database's own."""
    protected, open_ = (
        management.vault(recoverable_days=7, purge_protection=protection) for protection in (True, False)
    )
    for url in (protected, open_):
        secrets_of(url).set_secret("secret", "value")
        secrets_of(url).begin_delete_secret("secret").wait()
    import psycopg

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(
            "DELETE FROM secrets_secret WHERE vault_id = (SELECT id FROM vaults_vault WHERE name = %s)",
            [vault_name(protected)],
        )
    # As if it had been deleted eight days ago.
    owner.execute(
        "UPDATE secrets_secret SET deleted = deleted - interval '8 days', purge_after = purge_after - interval"
        " '8 days' WHERE deleted IS NOT NULL AND vault_id IN (SELECT id FROM vaults_vault WHERE name = ANY(%s))",
        [[vault_name(url) for url in (protected, open_)]],
    )
    as_scheduler(SWEEP)
    for url in (protected, open_):  # the running scheduler may be the one that purges, and not be done yet
        wait_until(lambda vault=url: not list(secrets_of(vault).list_deleted_secrets()), "the secret is purged")
        assert secrets_of(url).set_secret("secret", "new").value == "new"
