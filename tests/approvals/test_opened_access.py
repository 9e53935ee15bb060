"""Every act that gives access to a production vault waits for a second person, who sees the roles that it opens."""

import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.core.clock import now
from apps.core.encoding import to_base64url
from apps.core.principals import PersonRole
from apps.domain.access.grants import Scope
from apps.domain.access.operations import create_group, set_member
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import ApprovalRequest
from apps.domain.approvals.operations import decide
from apps.domain.catalog.groups import find_assignee
from apps.domain.catalog.impact import calculate_impact
from apps.domain.identity import attestation, credentials, invitations, operations
from apps.domain.identity.attestation import AuthorityExists, AuthorityNotFound, change_authority, trust_authority
from apps.domain.identity.models import (
    ApplicationIdentity,
    AttestationAuthority,
    ClientSecret,
    Invitation,
    User,
)
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.objects import backups
from apps.domain.vaults.models import Vault
from apps.domain.vaults.operations import _weakening, update
from apps.domain.vaults.role_assignments import assign_role
from tests.support import actors
from tests.support.self_signed import pem_of, self_signed

pytestmark = pytest.mark.django_db
AUTHORITY = "https://attest.example.org"


def grant_of(principal, permission=Permission.APPLICATIONS_CREATE, vault=None):
    return actors.grant_of(principal, permission, vault)


def identity_of(principal):
    return ApplicationIdentity.objects.select_related("user").get(user_id=principal.id)


PEM, OTHER_PEM = (
    pem_of(self_signed(rsa.generate_private_key(public_exponent=65537, key_size=2048))).decode() for _ in range(2)
)


def add_secret(grant, application):
    return operations.add_client_secret(grant=grant, application=application, now=now())


def add_certificate(grant, application, pem=PEM):
    return credentials.add_certificate(grant=grant, application=application, pem=pem, now=now())


def add_trust(grant, application, subject="worker"):
    trust = {"issuer": "https://issuer.example.org", "subject": subject, "audience": "vaults"}
    return credentials.add_trust(grant=grant, application=application, now=now(), **trust)


def enable(grant, application):
    return operations.set_application_enabled(grant=grant, application=application, enabled=True, now=now())


ACTS = pytest.mark.parametrize("act", [add_secret, add_certificate, add_trust, enable])


def approve_all(principal):
    for row in ApprovalRequest.objects.filter(state="open"):
        grant = grant_of(principal, Permission.APPROVALS_DECIDE)
        decide(grant=grant, request_id=row.pk, approve=True, now=now())


@ACTS
def test_one_person_opens_no_production_vault_through_an_application(act, people, guarded, second):
    grant, application = grant_of(people.secops), identity_of(people.app)
    with pytest.raises(ApprovalRequired, match="needs approval"):
        act(grant, application)
    request = ApprovalRequest.objects.get()
    assert request.change["opens"] == ["Key Vault Administrator at the whole vault of payroll"]
    shown = calculate_impact(request=request, now=now()).changes
    assert ("opens", "", "Key Vault Administrator at the whole vault of payroll") in shown
    with pytest.raises(ApprovalRequired):
        act(grant, application)
    assert ApprovalRequest.objects.count() == 1
    approve_all(second)
    act(grant, application)
    with pytest.raises(ApprovalRequired):
        act(grant, application)  # an approval is for one act


@ACTS
def test_without_a_role_in_a_production_vault_nobody_is_asked(act, people, vault):
    act(grant_of(people.secops), identity_of(people.app))
    assert not ApprovalRequest.objects.exists()


@ACTS
def test_the_commands_of_the_machine_ask_nobody(act, people, guarded):
    act(system_grant(Permission.APPLICATIONS_CREATE, origin="tests"), identity_of(people.app))
    assert not ApprovalRequest.objects.exists()


def test_a_developer_asks_as_well_for_an_application_of_their_own(people, guarded, second):
    mine, _ = operations.create_application(grant=grant_of(people.dev), name="mine", now=now())
    actors.give(actors.Principal(mine.user_id, people.app.kind, "mine", actors.TENANT), "key-vault-reader", guarded)
    with pytest.raises(ApprovalRequired):
        add_secret(grant_of(people.dev), mine)
    approve_all(second)
    add_secret(grant_of(people.dev), mine)


@pytest.mark.parametrize("way", ["object", "group"])
def test_roles_at_objects_and_of_groups_count(way, people, guarded):
    if way == "object":
        key = Key.objects.create(vault=guarded, name="signing", folded_name="signing")
        actors.give(people.stranger, "key-vault-crypto-user", guarded, object_type="key", object_id=key.pk)
        opens = "Key Vault Crypto User at keys/signing of payroll"
    else:
        system = system_grant(Permission.ROLES_ASSIGN, origin="tests")
        group = create_group(grant=system, name="batch")
        set_member(grant=system, group=group, principal_id=people.stranger.id, member=True)
        assignee = find_assignee(people.secops, application="", group="batch")
        at = system_grant(Permission.ROLES_ASSIGN, scope=Scope.of(guarded), origin="tests")
        target = ("vault", guarded.pk, "")
        assign_role(grant=at, vault=guarded, assignee=assignee, role="key-vault-reader", target=target, now=now())
        opens = "Key Vault Reader at the whole vault of payroll"
    with pytest.raises(ApprovalRequired):
        add_secret(grant_of(people.secops), identity_of(people.stranger))
    assert ApprovalRequest.objects.get().change["opens"] == [opens]


@pytest.mark.parametrize(
    ("approved", "other"),
    [
        (add_certificate, lambda grant, application: add_certificate(grant, application, OTHER_PEM)),
        (add_trust, lambda grant, application: add_trust(grant, application, "another")),
        (add_secret, add_certificate),
    ],
)
def test_an_approval_is_for_exactly_this_credential(approved, other, people, guarded, second):
    grant, application = grant_of(people.secops), identity_of(people.app)
    with pytest.raises(ApprovalRequired):
        approved(grant, application)
    approve_all(second)
    with pytest.raises(ApprovalRequired):
        other(grant, application)


def test_an_approval_is_for_exactly_these_roles(people, guarded, second):
    grant, application = grant_of(people.secops), identity_of(people.app)
    with pytest.raises(ApprovalRequired):
        add_secret(grant, application)
    approve_all(second)
    actors.give(people.app, "key-vault-secrets-user", guarded)
    with pytest.raises(ApprovalRequired):
        add_secret(grant, application)
    assert not ClientSecret.objects.exists()


def test_a_credential_that_comes_after_the_approval_of_a_role_ends_it(people, guarded, second):
    """Else the approver of a role could not know who acts with it."""
    application, at = identity_of(people.stranger), grant_of(people.secops, Permission.ROLES_ASSIGN, guarded)
    assignee = find_assignee(people.secops, application="stranger", group="")

    def give():
        target = ("vault", guarded.pk, "")
        assign_role(grant=at, vault=guarded, assignee=assignee, role="key-vault-reader", target=target, now=now())

    with pytest.raises(ApprovalRequired):
        give()
    approve_all(second)
    add_secret(grant_of(people.secops), application)
    with pytest.raises(ApprovalRequired):
        give()
    approve_all(second)
    give()


def test_nobody_of_the_portal_invites_an_auditor(people, vault):
    grant = grant_of(people.secops, Permission.PEOPLE_INVITE)
    with pytest.raises(invitations.AuditorInvitedApart, match="manage invite"):
        invitations.invite(grant=grant, role=PersonRole.AUDITOR, now=now())
    assert not Invitation.objects.exists()


def test_who_approves_is_invited_by_two(people, guarded, second):
    grant, role = grant_of(people.secops, Permission.PEOPLE_INVITE), PersonRole.SECURITY_OPERATIONS

    def invite(name="carla", duty=role):
        return invitations.invite(grant=grant, role=duty, username=name, now=now())

    with pytest.raises(ApprovalRequired):
        invite()
    assert ApprovalRequest.objects.get().change == {
        "who": "carla",
        "as": role.value,
        "opens": [f"the work of {role.value}"],
    }
    approve_all(second)
    with pytest.raises(ApprovalRequired):
        invite("another")
    assert not Invitation.objects.exists()
    assert invite()
    assert invite("dora", PersonRole.DEVELOPER)  # may do nothing yet


def test_the_first_account_and_the_machine_ask_nobody(people, guarded):
    for role in PersonRole:
        grant = system_grant(Permission.PEOPLE_INVITE, origin="invite")
        assert invitations.invite(grant=grant, role=role, now=now())


def test_without_a_production_vault_one_person_invites(people, vault):
    grant = grant_of(people.secops, Permission.PEOPLE_INVITE)
    assert invitations.invite(grant=grant, role=PersonRole.SECURITY_OPERATIONS, now=now())


@pytest.mark.parametrize("name", ["auditor", "second", "dev"])
def test_a_person_who_opens_a_production_vault_comes_back_by_two(name, people, guarded, second):
    actors.give(people.dev, "key-vault-reader", guarded)
    grant = grant_of(people.secops, Permission.PEOPLE_INVITE)
    third = actors.make_person("third", PersonRole.SECURITY_OPERATIONS)

    def turn(*, enabled):
        operations.set_person_enabled(grant=grant, username=name, enabled=enabled, now=now())

    turn(enabled=False)  # at once
    with pytest.raises(ApprovalRequired):
        turn(enabled=True)
    approve_all(third)
    turn(enabled=True)
    assert User.objects.get(username=name).is_active
    turn(enabled=False)
    with pytest.raises(ApprovalRequired):
        turn(enabled=True)


def test_suspending_ends_an_unused_approval_to_reactivate(people, guarded, second):
    grant, application = grant_of(people.secops), identity_of(people.app)
    with pytest.raises(ApprovalRequired):
        enable(grant, application)
    approve_all(second)
    operations.set_application_enabled(grant=grant, application=application, enabled=False, now=now())
    with pytest.raises(ApprovalRequired):
        enable(grant, application)


# Attestation authorities: keys leave on their word.


def releasable(vault, *, authority=AUTHORITY, name="leaving"):
    data = to_base64url(
        f'{{"version":"1.0.0","anyOf":[{{"authority":"{authority}/","claim":"a","equals":1}}]}}'.encode()
    )
    key = Key.objects.create(vault=vault, name=name, folded_name=name)
    return KeyVersion.objects.create(
        key=key,
        version=uuid.uuid4().hex,
        key_type="RSA",
        parameter="2048",
        operations=[],
        exportable=True,
        release_policy={"contentType": "", "data": data, "immutable": False},
        created=now(),
        updated=now(),
    )


def test_an_authority_that_a_production_key_names_is_trusted_by_two(people, guarded, second):
    releasable(guarded)
    grant = grant_of(people.secops, Permission.AUTHORITIES_TRUST)
    with pytest.raises(ApprovalRequired):
        trust_authority(grant=grant, url=AUTHORITY, now=now())
    assert ApprovalRequest.objects.get().change["opens"] == ["release of payroll/keys/leaving"]
    approve_all(second)
    trust_authority(grant=grant, url=AUTHORITY, now=now())
    with pytest.raises(ApprovalRequired):
        change_authority(grant=grant, url=AUTHORITY, ca_pem=PEM, now=now())
    approve_all(second)
    with pytest.raises(ApprovalRequired):
        change_authority(grant=grant, url=AUTHORITY, ca_pem=OTHER_PEM, now=now())
    assert AttestationAuthority.objects.get().ca_pem == ""
    change_authority(grant=grant, url=AUTHORITY, ca_pem=PEM, now=now())
    assert AttestationAuthority.objects.get().ca_pem == PEM


def test_another_authority_and_an_unguarded_key_ask_nobody(people, vault):
    releasable(vault)
    grant = grant_of(people.secops, Permission.AUTHORITIES_TRUST)
    trust_authority(grant=grant, url=AUTHORITY, now=now())
    change_authority(grant=grant, url=AUTHORITY, ca_pem=PEM, now=now())
    Vault.objects.filter(pk=vault.pk).update(production=True)
    trust_authority(grant=grant, url="https://elsewhere.example.org", now=now())
    assert not ApprovalRequest.objects.exists()


def test_trusting_again_changes_nothing(people, vault):
    grant = grant_of(people.secops, Permission.AUTHORITIES_TRUST)
    trust_authority(grant=grant, url=AUTHORITY, now=now())
    with pytest.raises(AuthorityExists):
        trust_authority(grant=grant, url=f"{AUTHORITY}/", ca_pem=PEM, now=now())
    assert AttestationAuthority.objects.get().ca_pem == ""
    assert trust_authority(grant=grant, url=AUTHORITY, now=now()) == AttestationAuthority.objects.get()
    with pytest.raises(AuthorityNotFound):
        change_authority(grant=grant, url="https://elsewhere.example.org", ca_pem="", now=now())


@pytest.mark.parametrize(
    "url", ["http://a.example.org", "https://a.example.org/?x", "https://u@a.example.org", "https://[", "x"]
)
def test_a_bad_address_is_no_authority(people, vault, url):
    with pytest.raises(attestation.BadAuthority):
        trust_authority(grant=grant_of(people.secops, Permission.AUTHORITIES_TRUST), url=url, now=now())


# Settings of a vault: one approval covers all that gets weaker by the call.


def test_turning_approvals_off_hides_no_shorter_retention(people, guarded, second):
    def change(**settings):
        return update(grant=grant_of(people.secops, Permission.VAULTS_UPDATE), name=guarded.name, now=now(), **settings)

    with pytest.raises(ApprovalRequired):
        change(production=False)
    approve_all(second)
    with pytest.raises(ApprovalRequired):
        change(production=False, recoverable_days=7)
    assert len(_weakening(guarded, {"production": False, "recoverable_days": 7})[1]) == 2
    change(production=False)


@pytest.mark.parametrize("then", [True, False, None])
@pytest.mark.parametrize("source", ["production", "other", "gone"])
@pytest.mark.parametrize("target", ["same", "production", "other"])
def test_a_backup_leaves_a_production_vault_into_another_vault(vault, then, source, target):
    from_vault = actors.make_vault(vault.world, "source")
    Vault.objects.filter(pk=from_vault.pk).update(production=source == "production")
    vault.production = target == "production"
    facts = backups.Header(
        object="secret",
        name="Password",
        world=vault.world.name,
        vault=from_vault.name,
        vault_id=uuid.uuid4().hex if source == "gone" else from_vault.pk.hex,
        lineage=uuid.uuid4(),
        made_by="tests",
        created=0,
        parts=[],
        production=then,
    )
    if target == "same":
        assert not backups.effect_of_restore(facts, vault=Vault(pk=uuid.UUID(facts.vault_id))).guarded
        return
    effect = backups.effect_of_restore(facts, vault=vault)
    assert effect.guarded == (then is True or source != "other")
    opened = f"secrets/password of source to everybody with a role in {vault.name}"
    assert effect.opens == ([opened] if effect.guarded else [])
