"""Requester and approver are two people, whatever accounts they use."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import ApprovalRequest, GuardedOperation
from apps.domain.approvals.operations import OwnRequest, approved_operation, decide
from apps.domain.approvals.people import people_behind
from apps.domain.identity import credentials, invitations, operations
from apps.domain.identity.models import ClientSecret
from apps.domain.identity.queries import principal_of_application, principal_of_person
from tests.support import actors

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-enough-passphrase"


def purge(principal, vault, at=None):
    """What needs a second person: any act does."""
    with approved_operation(
        grant=actors.grant_of(principal, Permission.KEYS_PURGE, vault),
        act=GuardedOperation.PURGE,
        guarded=True,
        subject="keys/x",
        change={},
        now=at or now(),
    ):
        pass


def ask(principal, vault, at=None):
    with pytest.raises(ApprovalRequired):
        purge(principal, vault, at)
    return ApprovalRequest.objects.get(requester_id=principal.id, state="open")


def approve(principal, request, at=None):
    grant = actors.grant_of(principal, Permission.APPROVALS_DECIDE)
    return decide(grant=grant, request_id=request.pk, approve=True, now=at or now())


def invite(grant, name, role=PersonRole.SECURITY_OPERATIONS, at=None):
    """A person who accepts an invitation."""
    token = invitations.invite(grant=grant, role=role, username=name, now=at or now())
    user = invitations.accept(token=token, username=name, password=PASSWORD, request=actors.request(), now=at or now())
    return principal_of_person(user)


def invited_by(principal, name, **details):
    return invite(actors.grant_of(principal, Permission.PEOPLE_INVITE), name, **details)


def create_application(principal, name="robot", at=None):
    grant = actors.grant_of(principal, Permission.APPLICATIONS_CREATE)
    made, _ = operations.create_application(grant=grant, name=name, now=at or now())
    return made


def as_purger(application, vault):
    principal = principal_of_application(application)
    actors.give(principal, "key-vault-administrator", vault)
    return principal


def test_the_creator_of_an_application_does_not_decide_about_its_requests(people, vault, second):
    request = ask(as_purger(create_application(people.secops), vault), vault)
    with pytest.raises(OwnRequest, match="count as the requester"):
        approve(people.secops, request)
    approve(second, request)


def test_the_person_who_added_a_credential_does_not_decide(people, vault, second):
    credentials_of = create_application(people.dev)
    grant = actors.grant_of(people.secops, Permission.APPLICATIONS_CREATE)
    operations.add_client_secret(grant=grant, application=credentials_of, now=now())
    request = ask(as_purger(credentials_of, vault), vault)
    with pytest.raises(OwnRequest):
        approve(people.secops, request)
    approve(second, request)


@pytest.mark.parametrize("asks", ["inviter", "invited"])
def test_an_invited_second_self_does_not_decide(asks, people, vault, second):
    other = invited_by(people.secops, "other")
    requester, decider = (people.secops, other) if asks == "inviter" else (other, people.secops)
    request = ask(requester, vault)
    with pytest.raises(OwnRequest):
        approve(decider, request)
    approve(second, request)


def test_two_whom_the_same_person_invited_are_not_two(people, vault, second):
    one, other = invited_by(people.secops, "one"), invited_by(people.secops, "other")
    request = ask(one, vault)
    with pytest.raises(OwnRequest):
        approve(other, request)
    approve(second, request)


def test_a_chain_of_invitations_is_one_person(people, vault, second):
    last = invited_by(invited_by(people.secops, "one"), "other")
    request = ask(people.secops, vault)
    with pytest.raises(OwnRequest):
        approve(last, request)
    robot = as_purger(create_application(last), vault)
    with pytest.raises(OwnRequest):
        approve(people.secops, ask(robot, vault))


def test_whom_the_machine_invited_is_another_person_at_once(people, vault):
    invited = invite(system_grant(Permission.PEOPLE_INVITE, origin="invite"), "other")
    approve(invited, ask(people.secops, vault))


def test_an_invitation_counts_for_the_time_of_the_setting(people, vault, settings):
    settings.APPROVAL_SAME_PERSON_DAYS = 5
    start = now()
    other = invited_by(people.secops, "other", at=start - timedelta(days=5, minutes=1))
    approve(other, ask(people.secops, vault, start), start)
    later = invited_by(people.secops, "later", at=start - timedelta(days=3))
    request = ask(other, vault, start)
    with pytest.raises(OwnRequest):
        approve(later, ask(people.secops, vault, start + timedelta(hours=25)), start + timedelta(hours=25))
    assert request.state == "open"


def test_a_credential_counts_as_long_as_it_is_valid_and_after_its_removal(people, vault, settings):
    settings.APPROVAL_SAME_PERSON_DAYS = 5
    start = now()
    application = create_application(people.secops, at=start - timedelta(days=100))
    behind = lambda at: people_behind(application.user_id, at=at)  # noqa: E731  short
    assert people.secops.id in behind(start)
    grant = actors.grant_of(people.secops, Permission.APPLICATIONS_CREATE)
    secret = ClientSecret.objects.get(application=application)
    credentials.remove_credential(grant=grant, application=application, credential_id=secret.pk, now=start)
    assert people.secops.id in behind(start + timedelta(days=4))
    assert people.secops.id not in behind(start + timedelta(days=6))


def test_an_approver_who_becomes_the_requester_has_approved_nothing(people, vault, second):
    application = create_application(people.dev)
    robot = as_purger(application, vault)
    approve(second, ask(robot, vault))
    operations.add_client_secret(
        grant=actors.grant_of(second, Permission.APPLICATIONS_CREATE), application=application, now=now()
    )
    with pytest.raises(ApprovalRequired, match="no longer valid"):
        purge(robot, vault)


def test_one_may_reject_what_one_may_not_approve(people, vault):
    request = ask(as_purger(create_application(people.secops), vault), vault)
    grant = actors.grant_of(people.secops, Permission.APPROVALS_DECIDE)
    assert decide(grant=grant, request_id=request.pk, approve=False, now=now()).state == "rejected"


def test_the_commands_of_the_machine_are_nobody(people, vault):
    system = system_grant(Permission.APPLICATIONS_CREATE, origin="tests")
    made, _ = operations.create_application(grant=system, name="robot", now=now())
    assert people_behind(made.user_id, at=now()) == {made.user_id}
