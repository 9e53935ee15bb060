"""Requests that were open at an upgrade from 0.4: bound to what their names mean then, or ended with a note."""

import hashlib
import importlib
from datetime import timedelta

import orjson
import pytest
from django.apps import apps

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import ApprovalRequest
from apps.domain.approvals.operations import decide
from apps.domain.catalog.groups import find_assignee
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key
from apps.domain.objects.operations import soft_delete
from apps.domain.vaults.models import Vault
from apps.domain.vaults.operations import update
from apps.domain.vaults.role_assignments import assign_role
from apps.log_delivery.models import LogDestination
from apps.log_delivery.operations import remove_destination, set_retention
from tests.support import actors

pytestmark = pytest.mark.django_db

_bind = importlib.import_module("apps.domain.approvals.migrations.0004_requests_of_0_4").bind


@pytest.fixture
def ask(people, guarded):
    """A request as 0.4 stored it: the fingerprint covers neither ids nor state."""

    def request(act, subject, change, *, created=None):
        facts = [act, str(guarded.pk), subject, change]
        return ApprovalRequest.objects.create(
            act=act,
            vault_id=guarded.pk,
            vault_name=guarded.name,
            subject=subject,
            change=change,
            fingerprint=hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).digest(),
            requester_id=people.secops.id,
            requester=people.secops.name,
            created=created or now(),
            expires=now() + timedelta(hours=20),
        )

    return request


@pytest.fixture
def approve(second):
    def upgrade_and_approve(request):
        _bind(apps, None)
        grant = actors.grant_of(second, Permission.APPROVALS_DECIDE)
        decide(grant=grant, request_id=request.pk, approve=True, now=now())

    return upgrade_and_approve


@pytest.fixture
def grant(people, guarded):
    return lambda permission: actors.grant_of(people.secops, permission, guarded)


def is_used(request):
    request.refresh_from_db()
    assert ApprovalRequest.objects.count() == 1
    return request.state == "used"


@pytest.fixture
def deleted_key(grant, guarded):
    actors.make_key(guarded, "Signing")
    soft_delete.delete(grant=grant(Permission.KEYS_DELETE), kind=KEYS, vault=guarded, name="signing", now=now())
    return Key.objects.get()


@pytest.fixture
def purge(grant, guarded):
    where = {"kind": KEYS, "vault": guarded, "name": "signing"}
    return lambda: soft_delete.purge(grant=grant(Permission.KEYS_PURGE), now=now(), **where)


def test_an_open_purge_is_approved_and_carried_out(ask, approve, purge, deleted_key):
    request = ask("purge", "keys/Signing", {})
    approve(request)
    purge()
    assert is_used(request)
    assert not Key.objects.exists()


def test_a_purge_that_was_approved_before_the_upgrade_is_carried_out(ask, second, purge, deleted_key):
    request = ask("purge", "keys/Signing", {})
    ApprovalRequest.objects.update(state="approved", decider_id=second.id, decider=second.name, decided=now())
    _bind(apps, None)
    purge()
    assert is_used(request)


def test_a_request_about_an_earlier_deletion_ends(ask, purge, deleted_key):
    request = ask("purge", "keys/Signing", {}, created=deleted_key.deleted - timedelta(seconds=1))
    _bind(apps, None)
    request.refresh_from_db()
    assert request.state == "withdrawn"


def test_a_recovery_after_the_upgrade_ends_the_request(ask, approve, grant, guarded, deleted_key):
    request = ask("purge", "keys/Signing", {})
    approve(request)
    soft_delete.recover(grant=grant(Permission.KEYS_RECOVER), kind=KEYS, vault=guarded, name="signing")
    request.refresh_from_db()
    assert request.state == "withdrawn"


def test_a_weaker_setting_is_approved_and_carried_out(ask, approve, grant, guarded):
    request = ask("guard-off", "the vault", {"guarded by a second person": "yes → no"})
    approve(request)
    update(grant=grant(Permission.VAULTS_UPDATE), name=guarded.name, production=False, now=now())
    assert is_used(request)
    assert not Vault.objects.get(pk=guarded.pk).production


def test_a_shorter_retention_of_the_log_is_approved_and_carried_out(ask, approve, grant, guarded):
    """Its texts have changed."""
    change = {"records of the usage log are kept": "for ever → 100 days"}
    request = ask("retention-shortened", "the usage log", change)
    approve(request)
    set_retention(grant=grant(Permission.VAULTS_UPDATE), vault=guarded, days=100, now=now())
    assert is_used(request)


def test_the_removal_of_a_log_destination_is_approved_and_carried_out(ask, approve, grant, guarded):
    kept = {"kind": "directory", "config": {"path": "a"}, "created": now(), "changed": now()}
    LogDestination.objects.create(vault=guarded, sealed=b"", sealed_secret=b"", **kept)
    request = ask("log-destination", "the log destination", {"log destination": "directory a → none"})
    approve(request)
    remove_destination(grant=grant(Permission.VAULTS_UPDATE), vault=guarded, now=now())
    assert is_used(request)


@pytest.mark.parametrize("who", ["stranger", "person:dev"])
@pytest.mark.parametrize("at_key", [False, True])
def test_a_role_of_a_principal_is_approved_and_carried_out(ask, approve, grant, guarded, people, who, at_key):
    key = actors.make_key(guarded, "signing")
    target = ("key", key.pk, "keys/signing") if at_key else ("vault", guarded.pk, "")
    role = "key-vault-crypto-user"
    change = {"who": who, "role": role, "where": target[2] or "the whole vault"}
    request = ask("role-grant", target[2] or "the vault", change)
    approve(request)
    assignee = find_assignee(people.secops, application=who, group="")
    roles = {"vault": guarded, "assignee": assignee, "role": role, "target": target}
    assert assign_role(grant=grant(Permission.ROLES_ASSIGN), now=now(), **roles)
    assert is_used(request)


@pytest.mark.parametrize(
    ("act", "subject", "change"),
    [
        ("key-import", "keys/x", {"type": "EC", "check value": "0" * 16}),
        ("release-policy", "keys/x", {"release policy": {"data": "e30"}}),
        ("log-destination", "the log destination", {"log destination": "none → directory a", "settings": "0" * 16}),
        (
            "role-grant",
            "the vault",
            {"who": "group batch: app", "role": "key-vault-reader", "where": "the whole vault"},
        ),
        (
            "role-grant",
            "group batch",
            {"who": "app", "joins": "batch", "gets": ["Key Vault Reader at the whole vault"]},
        ),
        ("role-grant", "keys/gone", {"who": "app", "role": "key-vault-crypto-user", "where": "keys/gone"}),
        ("purge", "keys/gone", {}),
    ],
)
def test_a_request_that_does_not_name_all_that_is_approved_ends_with_a_note(ask, act, subject, change):
    request = ask(act, subject, change)
    _bind(apps, None)
    request.refresh_from_db()
    assert request.state == "withdrawn"
    assert "Repeat the operation" in request.note


def test_a_request_of_this_version_stays(grant, guarded, deleted_key, purge):
    with pytest.raises(ApprovalRequired):
        purge()
    before = ApprovalRequest.objects.values().get()
    _bind(apps, None)
    assert ApprovalRequest.objects.values().get() == before
