"""Groups: what they give while somebody is in them, who may change them, and the second person who decides."""

import time

import pytest

from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.access_check import explain_access
from apps.domain.access.grants import NotAuthorised, Scope
from apps.domain.access.operations import BadGroup, GroupTaken, SelfGrant, create_group, delete_group
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import GroupNotFound, get_group
from apps.domain.approvals.models import ApprovalRequest
from apps.domain.approvals.operations import ApprovalRequired, decide
from apps.domain.catalog.groups import AmbiguousAssignee, find_assignee, find_membership
from apps.domain.catalog.role_targets import describe_assignments, describe_roles
from apps.domain.vaults.models import Vault
from apps.domain.vaults.role_assignments import GroupChanged, add_member, assign_role, remove_member, remove_role
from tests.support import actors, records

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(people):
    return actors.grant_of(people.secops, Permission.ROLES_ASSIGN)


@pytest.fixture
def group(grant):
    return create_group(grant=grant, name="Payments")


def at_vault(people, vault):
    return actors.grant_of(people.secops, Permission.ROLES_ASSIGN, vault)


def give(people, vault, role="key-vault-secrets-user", *, who=None):
    target = ("vault", vault.pk, "")
    who = who or find_assignee(people.secops, application="", group="payments")
    return assign_role(grant=at_vault(people, vault), vault=vault, assignee=who, role=role, target=target, now=now())


def join(grant, application="stranger"):
    add_member(grant=grant, membership=find_membership(group="payments", application=application), now=now())


def may(principal, vault):
    try:
        actors.grant_of(principal, Permission.SECRETS_GET, vault)
    except NotAuthorised:
        return False
    return True


def guard(vault):
    Vault.objects.filter(pk=vault.pk).update(production=True)
    vault.production = True


def approve_all():
    other = actors.make_person(f"second-{time.monotonic_ns()}", PersonRole.SECURITY_OPERATIONS)
    deciding = actors.grant_of(other, Permission.APPROVALS_DECIDE)
    for row in ApprovalRequest.objects.filter(state="open"):
        decide(grant=deciding, request_id=row.pk, approve=True, now=now())


def test_a_role_holds_for_members_only_and_within_a_second(people, vault, grant, group, a_second_later):
    give(people, vault)
    assert not may(people.stranger, vault)
    join(grant)
    a_second_later()
    assert may(people.stranger, vault)
    remove_member(grant=grant, group=group, principal_id=people.stranger.id)
    a_second_later()
    assert not may(people.stranger, vault)


def test_taking_the_role_or_the_group_away_ends_it_within_a_second(people, vault, grant, group, a_second_later):
    join(grant)
    target = ("vault", vault.pk, "")
    for end in (
        lambda: remove_role(
            grant=at_vault(people, vault), vault=vault, assignee=group, role="key-vault-secrets-user", target=target
        ),
        lambda: delete_group(grant=grant, name="payments"),
    ):
        assert give(people, vault) is True
        assert give(people, vault) is False
        a_second_later()
        assert may(people.stranger, vault)
        end()
        a_second_later()
        assert not may(people.stranger, vault)
    assert describe_assignments(vault)[-1]["application"] == "app"  # nothing of the group is left
    with pytest.raises(GroupNotFound):
        get_group(name="payments")


def test_the_reason_names_the_group(people, vault, grant, group):
    give(people, vault)
    join(grant)
    reading = actors.grant_of(people.secops, Permission.ROLES_READ)
    scope = Scope.of(vault)
    result = explain_access(grant=reading, principal=people.stranger, permission=Permission.SECRETS_GET, scope=scope)
    assert result.allowed
    assert result.because.startswith("stranger is in the group Payments, which has the role Key Vault Secrets User")
    refused = explain_access(grant=reading, principal=people.stranger, permission=Permission.KEYS_SIGN, scope=scope)
    assert not refused.allowed
    assert [row["group"] for row in describe_roles(principal_id=people.stranger.id)] == ["Payments"]


def test_the_review_counts_whoever_is_in_the_group(people, vault, grant, group):
    give(people, vault)
    join(grant)
    row = next(row for row in describe_assignments(vault) if row["group"])
    assert (row["who"], row["application"], row["principals"]) == ("Payments", "", {people.stranger.id})


def test_joining_what_reaches_a_guarded_vault_waits_for_a_second_person(people, vault, grant, group, a_second_later):
    give(people, vault)
    guard(vault)
    with pytest.raises(ApprovalRequired, match="group Payments"):
        join(grant)
    with pytest.raises(ApprovalRequired):
        join(grant)
    request = ApprovalRequest.objects.get()  # still the same
    assert request.change["gets"] == ["Key Vault Secrets User at the whole vault"]
    assert not may(people.stranger, vault)
    approve_all()
    join(grant)
    a_second_later()
    assert may(people.stranger, vault)
    remove_member(grant=grant, group=group, principal_id=people.stranger.id)  # less needs nobody
    with pytest.raises(ApprovalRequired):
        join(grant)  # an approval is for one joining


def test_an_approval_to_join_does_not_cover_a_role_that_came_later(people, vault, grant, group):
    give(people, vault)
    guard(vault)
    with pytest.raises(ApprovalRequired):
        join(grant)
    approve_all()
    Vault.objects.filter(pk=vault.pk).update(production=False)
    vault.production = False
    give(people, vault, "key-vault-administrator")
    guard(vault)
    with pytest.raises(ApprovalRequired):
        join(grant)
    assert not may(people.stranger, vault)


def test_an_approved_grant_to_a_group_does_not_cover_members_who_came_later(people, vault, grant, group):
    guard(vault)
    with pytest.raises(ApprovalRequired):
        give(people, vault)
    assert ApprovalRequest.objects.get().change["who"] == "group Payments: nobody yet"
    approve_all()
    join(grant)  # the group reaches nothing yet
    with pytest.raises(ApprovalRequired):
        give(people, vault)
    assert not may(people.stranger, vault)


def test_what_changed_between_the_look_and_the_act_is_refused(people, vault, grant, group):
    seen_empty = find_assignee(people.secops, application="", group="payments")
    seen_without_roles = find_membership(group="payments", application="app")
    join(grant)
    with pytest.raises(GroupChanged):
        give(people, vault, who=seen_empty)
    give(people, vault)
    with pytest.raises(GroupChanged):
        add_member(grant=grant, membership=seen_without_roles, now=now())


def test_nobody_puts_themselves_in_or_gives_their_own_group_a_role(people, vault, grant, group):
    actors.give(people.app, "key-vault-contributor", vault)
    own = actors.grant_of(people.app, Permission.ROLES_ASSIGN, vault)
    with pytest.raises(SelfGrant):
        join(own, "app")
    join(grant, "app")
    target, payments = ("vault", vault.pk, ""), find_assignee(people.secops, application="", group="payments")
    with pytest.raises(SelfGrant):
        assign_role(grant=own, vault=vault, assignee=payments, role="key-vault-reader", target=target, now=now())
    with pytest.raises(SelfGrant):
        remove_member(grant=own, group=group, principal_id=people.app.id)


@pytest.mark.parametrize("name", ["", " x", "a/b", "<b>", "x" * 128, "a\n", "Ä", ".."])
def test_a_bad_name_is_refused(grant, name):
    with pytest.raises(BadGroup):
        create_group(grant=grant, name=name)


def test_one_name_is_one_group(grant, group):
    with pytest.raises(GroupTaken):
        create_group(grant=grant, name="PAYMENTS")


@pytest.mark.parametrize("named", [{"application": "", "group": ""}, {"application": "app", "group": "payments"}])
def test_an_assignee_is_one_of_the_two(people, group, named):
    with pytest.raises(AmbiguousAssignee):
        find_assignee(people.secops, **named)


@pytest.mark.stack  # the running audit worker opens the records
def test_every_change_is_recorded(people, vault, grant, group):
    join(grant)
    give(people, vault)
    remove_member(grant=grant, group=group, principal_id=people.stranger.id)
    delete_group(grant=grant, name="payments")
    found = [
        (record.header["operation"], record.body["properties"].get("assignee"))
        for record in records.in_test(caller="secops")
    ]
    assert found == [
        ("GroupPut", None),
        ("GroupMemberPut", None),
        ("RoleAssignmentWrite", "groups/Payments"),
        ("GroupMemberDelete", None),
        ("GroupDelete", None),
    ]
