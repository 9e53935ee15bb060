"""Who may ask for a second person, who may use the answer, and what the second person is shown."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.grants import GrantMismatch, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.approvals.models import ApprovalRequest, GuardedOperation
from apps.domain.approvals.operations import (
    _PERMISSIONS,
    AlreadyDecided,
    ApprovalRequired,
    OwnRequest,
    approved_operation,
    consume,
    decide,
    require_approval,
)
from apps.domain.approvals.queries import is_approved
from apps.domain.catalog.impact import calculate_impact
from apps.domain.identity.operations import LastOwner, OwnAccount, set_person_enabled
from tests.support import actors

pytestmark = pytest.mark.django_db


def held(people, vault, permission):
    return actors.grant_of(people.secops, permission, vault)


def ask(grant, act, *, guarded=True, subject="keys/x", change=None, at=None):
    return require_approval(
        grant=grant, act=act, guarded=guarded, subject=subject, change=change or {}, now=at or now()
    )


def decided(people, *, approve=True, at=None):
    other = actors.make_person("second", PersonRole.SECURITY_OPERATIONS)
    grant = actors.grant_of(other, Permission.APPROVALS_DECIDE)
    return decide(grant=grant, request_id=ApprovalRequest.objects.get().pk, approve=approve, now=at or now())


@pytest.mark.parametrize("act", list(GuardedOperation))
@pytest.mark.parametrize("guarded", [True, False])
def test_an_act_is_asked_for_with_its_own_permission_only(people, vault, act, guarded):
    system = system_grant(Permission.VAULTS_SWEEP, scope=Scope.of(vault), origin="tests")
    for grant in (held(people, vault, Permission.VAULTS_READ), system):
        with pytest.raises(GrantMismatch):
            ask(grant, act, guarded=guarded)
        with (
            pytest.raises(GrantMismatch),
            approved_operation(grant=grant, act=act, guarded=guarded, subject="keys/x", change={}, now=now()),
        ):
            pytest.fail("the act was carried out")
    assert not ApprovalRequest.objects.exists()
    assert _PERMISSIONS[act]


def test_nobody_else_uses_an_approval_nor_for_something_else(people, vault):
    grant = held(people, vault, Permission.KEYS_PURGE)
    with pytest.raises(ApprovalRequired):
        ask(grant, GuardedOperation.PURGE)
    decided(people)
    approval = ask(grant, GuardedOperation.PURGE)
    with pytest.raises(GrantMismatch):
        consume(grant=held(people, vault, Permission.ROLES_ASSIGN), approval=approval, now=now())
    third = actors.make_person("third", PersonRole.SECURITY_OPERATIONS)
    theirs = actors.grant_of(third, Permission.KEYS_PURGE, vault)
    with pytest.raises(GrantMismatch):
        consume(grant=theirs, approval=approval, now=now())
    with pytest.raises(ApprovalRequired):
        ask(theirs, GuardedOperation.PURGE)  # theirs is another request
    consume(grant=grant, approval=approval, now=now())
    with pytest.raises(ApprovalRequired):
        consume(grant=grant, approval=approval, now=now())


def test_a_second_person_is_asked_for_at_a_vault(people):
    with pytest.raises(GrantMismatch):
        ask(actors.grant_of(people.secops, Permission.KEYS_PURGE), GuardedOperation.PURGE)


def test_what_nobody_decides_expires_and_what_nobody_uses_too(people, vault):
    grant, start = held(people, vault, Permission.KEYS_PURGE), now()
    with pytest.raises(ApprovalRequired):
        ask(grant, GuardedOperation.PURGE, at=start)
    with pytest.raises(AlreadyDecided):
        decided(people, at=start + timedelta(hours=25))
    with pytest.raises(ApprovalRequired):
        ask(grant, GuardedOperation.PURGE, at=start + timedelta(hours=25))
    assert sorted(ApprovalRequest.objects.values_list("state", flat=True)) == ["open", "withdrawn"]


def test_an_approval_is_not_used_after_its_expiry(people, vault):
    grant, start = held(people, vault, Permission.KEYS_PURGE), now()
    with pytest.raises(ApprovalRequired):
        ask(grant, GuardedOperation.PURGE, at=start)
    approval = decided(people, at=start)
    with pytest.raises(ApprovalRequired):
        consume(grant=grant, approval=approval, now=approval.expires)
    consume(grant=grant, approval=approval, now=approval.expires - timedelta(seconds=1))


def test_a_requester_does_not_decide(people, vault):
    with pytest.raises(ApprovalRequired):
        ask(held(people, vault, Permission.KEYS_PURGE), GuardedOperation.PURGE)
    grant = actors.grant_of(people.secops, Permission.APPROVALS_DECIDE)
    with pytest.raises(OwnRequest, match="You requested this"):
        decide(grant=grant, request_id=ApprovalRequest.objects.get().pk, approve=True, now=now())
    assert ApprovalRequest.objects.get().state == "open"


@pytest.mark.parametrize("approve", [True, False])
def test_a_request_is_decided_once(people, vault, approve):
    with pytest.raises(ApprovalRequired):
        ask(held(people, vault, Permission.KEYS_PURGE), GuardedOperation.PURGE)
    decided(people, approve=approve)
    third = actors.make_person("third", PersonRole.SECURITY_OPERATIONS)
    grant = actors.grant_of(third, Permission.APPROVALS_DECIDE)
    with pytest.raises(AlreadyDecided):
        decide(grant=grant, request_id=ApprovalRequest.objects.get().pk, approve=not approve, now=now())
    assert ApprovalRequest.objects.get().decider == "second"


def shown(grant, act, change=None, subject="keys/precious"):
    with pytest.raises(ApprovalRequired):
        ask(grant, act, change=change, subject=subject)
    return calculate_impact(request=ApprovalRequest.objects.get(), now=now())


def test_whoever_approves_a_purge_sees_what_goes_and_who_breaks(people, vault):
    actors.make_key(vault, "precious", versions=("0" * 32, "1" * 32), purge_after=now() + timedelta(days=9))
    actors.count_use(people.app, vault, object_id=f"keys/precious/{0:032}", last=now() - timedelta(days=3))
    effect = shown(held(people, vault, Permission.KEYS_PURGE), GuardedOperation.PURGE)
    assert effect.breaks
    assert [row["caller"] for row in effect.callers] == [people.app.client_id]
    assert now() - effect.last_use < timedelta(days=3, minutes=1)
    assert ("versions", "2", "0") in effect.changes
    assert [(what, after) for what, _, after in effect.changes][1] == ("can be recovered", "never again")


def test_a_use_of_long_ago_breaks_nobody(people, vault):
    actors.make_key(vault, "precious")
    actors.count_use(people.app, vault, object_id=f"keys/precious/{0:032}", last=now() - timedelta(days=91))
    effect = shown(held(people, vault, Permission.KEYS_PURGE), GuardedOperation.PURGE)
    assert (effect.breaks, effect.callers) == (False, [])
    assert timedelta(days=91) <= now() - effect.last_use < timedelta(days=91, minutes=1)


def test_an_approval_holds_for_exactly_what_it_is_about(people, vault):
    act, basis = GuardedOperation.RESTORE, {"content": "1"}
    grant = actors.grant_of(people.app, Permission.SECRETS_RESTORE, vault)
    about = {"act": act, "vault_id": vault.pk, "requester_id": people.app.id, "basis": basis, "now": now()}
    with pytest.raises(ApprovalRequired):
        require_approval(grant=grant, act=act, guarded=True, subject="secrets/x", change={}, now=now(), basis=basis)
    assert not is_approved(**about)
    decided(people)
    assert is_approved(**about)
    others = {
        "act": GuardedOperation.KEY_IMPORT,
        "vault_id": people.app.id,
        "requester_id": people.secops.id,
        "basis": {"content": "2"},
        "now": now() + timedelta(hours=25),
    }
    for field, value in others.items():
        assert not is_approved(**about | {field: value}), field


def test_whoever_approves_a_role_sees_what_they_had(people, vault):
    change = {"who": "app", "role": "key-vault-reader", "where": "the whole vault"}
    effect = shown(held(people, vault, Permission.ROLES_ASSIGN), GuardedOperation.ROLE_GRANT, change, "the vault")
    assert effect.changes == [
        ("roles of app", "Key Vault Administrator at the whole vault", "also Key Vault Reader at the whole vault")
    ]
    assert not effect.breaks


def test_whoever_approves_an_import_sees_the_version_that_it_replaces(people, vault):
    actors.make_key(vault, "precious")
    grant = actors.grant_of(people.app, Permission.KEYS_IMPORT, vault)
    effect = shown(grant, GuardedOperation.KEY_IMPORT, {"type": "EC", "HSM": True})
    assert effect.changes[0][1].startswith("EC P-256, made ")
    assert effect.changes[0][2] == "HSM: yes, type: EC"  # as jsonb orders them


def test_a_weaker_setting_is_shown_as_now_and_afterwards(people, vault):
    grant = held(people, vault, Permission.VAULTS_UPDATE)
    effect = shown(
        grant, GuardedOperation.RETENTION_SHORTENED, {"deleted objects stay recoverable": "90 → 7 days"}, "the vault"
    )
    assert effect.changes == [("deleted objects stay recoverable", "90", "7 days")]


def test_the_last_person_of_security_operations_cannot_be_stopped(people):
    """A role of an application is no owner: security operations run the vaults and can always assign the role again."""
    second = actors.make_person("second", PersonRole.SECURITY_OPERATIONS)
    inviting = actors.grant_of(second, Permission.PEOPLE_INVITE)
    with pytest.raises(OwnAccount):
        set_person_enabled(grant=inviting, username="second", enabled=False, now=now())
    set_person_enabled(grant=inviting, username="secops", enabled=False, now=now())
    stopped = actors.grant_of(people.secops, Permission.PEOPLE_INVITE)
    with pytest.raises(LastOwner):
        set_person_enabled(grant=stopped, username="second", enabled=False, now=now())
    set_person_enabled(grant=inviting, username="secops", enabled=True, now=now())
    set_person_enabled(grant=stopped, username="second", enabled=False, now=now())
