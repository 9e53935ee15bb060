"""A developer acts where they were given a role, uses keys in their own test vaults only, and learns of nothing else."""

import uuid

import pytest

from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.grants import NotAuthorised, Scope, authorize
from apps.domain.access.operations import UnknownRole, make_test_vault_owner
from apps.domain.access.permissions import Permission
from apps.domain.access.person_roles import SCOPED_PERMISSIONS
from apps.domain.access.queries import invalidate_decisions
from apps.domain.access.roles import ROLES
from apps.domain.catalog import visibility
from apps.domain.catalog.queries import search
from apps.domain.identity import operations as identity
from apps.domain.identity.queries import ApplicationNotFound, get_assignee, list_applications
from apps.domain.keys.models import Key
from apps.domain.keys.rules import NewKey
from apps.domain.keys.versions import add_version
from apps.domain.secrets.models import Secret
from apps.domain.vaults.models import Vault
from apps.domain.vaults.operations import TooManyTestVaults, create_test_vault
from apps.domain.vaults.queries import VaultNotFound, get_vault, list_vaults
from apps.domain.vaults.rules import NotInTestVault
from tests.support import actors

pytestmark = pytest.mark.django_db
USES = [p for p in Permission if p.startswith("keys/") and p.split("/")[1] in
        {"sign", "verify", "encrypt", "decrypt", "wrapkey", "unwrapkey", "release"}]  # fmt: skip


@pytest.fixture
def other(vault):
    return actors.make_vault(vault.world, "others")


@pytest.fixture
def own(people, vault):
    """A test vault of the developer."""
    made = actors.make_vault(vault.world, "sandbox")
    Vault.objects.filter(pk=made.pk).update(test=True, owner_id=people.dev.id)
    made.refresh_from_db()
    make_test_vault_owner(grant=actors.grant_of(people.dev, Permission.TEST_VAULTS_CREATE), vault_id=made.pk)
    invalidate_decisions()
    return made


def allowed(principal, permission, vault, **rest):
    try:
        authorize(principal, permission, Scope.of(vault, **rest), actors.request())
    except NotAuthorised:
        return False
    return True


@pytest.mark.parametrize("permission", sorted(SCOPED_PERMISSIONS[PersonRole.DEVELOPER]))
def test_without_a_role_a_developer_does_nothing_in_a_vault(people, vault, permission):
    assert not allowed(people.dev, permission, vault)


@pytest.mark.parametrize("role", sorted(name for name, role in ROLES.items() if role.assignable))
def test_no_role_that_can_be_given_lets_a_developer_use_a_key_or_hand_out_roles(people, vault, role):
    actors.give(people.dev, role, vault)
    invalidate_decisions()
    for permission in [*USES, Permission.ROLES_ASSIGN, Permission.VAULTS_OWN]:
        assert not allowed(people.dev, permission, vault), permission
    assert allowed(people.dev, Permission.VAULTS_READ, vault)


def test_a_role_holds_where_it_was_given_and_nowhere_else(people, vault, other):
    actors.give(people.dev, "key-vault-secrets-user", vault)
    invalidate_decisions()
    assert allowed(people.dev, Permission.SECRETS_GET, vault)
    assert not allowed(people.dev, Permission.SECRETS_SET, vault)
    assert not allowed(people.dev, Permission.SECRETS_GET, other)
    assert not allowed(people.dev, Permission.VAULTS_READ, other)


def test_an_owner_uses_keys_and_gives_roles_in_the_own_test_vault_only(people, vault, own):
    for permission in [*USES, Permission.ROLES_ASSIGN, Permission.SECRETS_GET]:
        assert allowed(people.dev, permission, own), permission
        assert not allowed(people.dev, permission, vault), permission


def test_ownership_is_given_by_nobody(people, vault):
    with pytest.raises(UnknownRole):
        actors.give(people.dev, "test-vault-owner", vault)


def test_others_duties_gain_nothing_by_a_role(people, vault):
    actors.give(people.secops, "key-vault-administrator", vault)
    actors.give(people.auditor, "key-vault-administrator", vault)
    invalidate_decisions()
    for permission in (*USES, Permission.SECRETS_GET):
        assert not allowed(people.secops, permission, vault)
        assert not allowed(people.auditor, permission, vault)


def test_a_test_vault_has_software_keys_and_no_production(people, own):
    key = Key.objects.create(vault=own, name="k", folded_name="k")
    with pytest.raises(NotInTestVault):
        add_version(key, NewKey(key_type="EC", hardware=True, parameter="P-256"), version=uuid.uuid4().hex, now=now())
    assert add_version(
        key, NewKey(key_type="EC", hardware=False, parameter="P-256"), version=uuid.uuid4().hex, now=now()
    )


def test_a_developer_knows_of_what_they_have_a_role_at(people, vault, other, own):
    assert [row.name for row in list_vaults(people.dev)] == ["sandbox"]
    assert {row.name for row in list_vaults(people.secops)} == {"payroll", "others", "sandbox"}
    with pytest.raises(VaultNotFound) as unknown:
        get_vault(name="nothing-here", principal=people.dev)
    with pytest.raises(VaultNotFound) as hidden:
        get_vault(name="payroll", principal=people.dev)
    assert hidden.value.message == unknown.value.message.replace("nothing-here", "payroll")


def test_a_role_at_one_key_shows_that_key_alone(people, vault):
    mine = Key.objects.create(vault=vault, name="mine", folded_name="mine")
    hers = Key.objects.create(vault=vault, name="hers", folded_name="hers")
    actors.give(people.dev, "key-vault-reader", vault, object_type="key", object_id=mine.pk)
    invalidate_decisions()
    assert get_vault(name="payroll", principal=people.dev) == vault
    assert list(Key.objects.visible_to(people.dev)) == [mine]
    assert not Secret.objects.visible_to(people.dev).exists()
    assert search(principal=people.dev, text="hers", limit=5) == []
    refusal = NotAuthorised("no")
    at_hers = Scope.of(vault, "key", "hers", hers.pk)
    assert visibility.conceal(people.dev, at_hers, refusal).message == "There is no key 'hers' in vault payroll."


def test_a_developer_sees_and_changes_their_own_applications_only(people, vault):
    grant = actors.grant_of(people.dev, Permission.APPLICATIONS_CREATE)
    made, _ = identity.create_application(grant=grant, name="mine", now=now())
    assert [row.name for row in list_applications(owner_id=people.dev.id)] == ["mine"]
    colleague = actors.make_person("dev2", PersonRole.DEVELOPER)
    theirs = actors.grant_of(colleague, Permission.APPLICATIONS_CREATE)
    with pytest.raises(ApplicationNotFound):
        identity.add_client_secret(grant=theirs, application=made, now=now())
    with pytest.raises(ApplicationNotFound):
        identity.set_application_enabled(grant=theirs, application=made, enabled=False, now=now())
    with pytest.raises(ApplicationNotFound):
        get_assignee(people.dev, name="app")
    assert get_assignee(people.dev, name="mine")[1] == "mine"
    assert get_assignee(people.secops, name="person:dev")[0] == people.dev.id
    with pytest.raises(ApplicationNotFound):
        get_assignee(people.secops, name="person:auditor")


def test_a_stopped_application_is_started_again_by_security_operations_only(people, vault):
    grant = actors.grant_of(people.dev, Permission.APPLICATIONS_CREATE)
    made, _ = identity.create_application(grant=grant, name="mine", now=now())
    identity.set_application_enabled(grant=grant, application=made, enabled=False, now=now())
    with pytest.raises(identity.DisabledBySecurityOperations):
        identity.set_application_enabled(grant=grant, application=made, enabled=True, now=now())


def test_one_person_has_so_many_test_vaults(people, vault, settings):
    for number in range(settings.TEST_VAULTS_PER_PERSON):
        made = actors.make_vault(vault.world, f"sandbox-{number}")
        Vault.objects.filter(pk=made.pk).update(test=True, owner_id=people.dev.id)
    grant = actors.grant_of(people.dev, Permission.TEST_VAULTS_CREATE)
    with pytest.raises(TooManyTestVaults):
        create_test_vault(grant=grant, name="one-more", world_name=vault.world.name, now=now())
    assert not Vault.objects.filter(name="one-more").exists()
