"""Roles, assigned and taken away."""

import pytest

from apps.domain.access.grants import NotAuthorised, Scope, authorize
from apps.domain.access.operations import SelfGrant, UnknownRole, assign_role, remove_role
from apps.domain.access.permissions import DATA_ACTIONS, Permission
from apps.domain.access.queries import permissions_of
from apps.domain.access.roles import ROLES
from apps.domain.identity.models import User
from tests.support import actors, records

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(people, vault):
    return actors.grant_of(people.secops, Permission.ROLES_ASSIGN, vault)


def assign(grant, principal, role, vault, act=assign_role):
    return act(grant=grant, assignee=principal.id, role=role, object_type="vault", object_id=vault.pk)


def test_an_assignment_allows_and_its_removal_refuses_within_a_second(people, vault, grant, a_second_later):
    scope = Scope.of(vault)
    with pytest.raises(NotAuthorised):
        authorize(people.stranger, Permission.SECRETS_GET, scope, actors.request())
    assert assign(grant, people.stranger, "key-vault-secrets-user", vault) is True
    assert assign(grant, people.stranger, "key-vault-secrets-user", vault) is False
    a_second_later()
    authorize(people.stranger, Permission.SECRETS_GET, scope, actors.request())
    assert assign(grant, people.stranger, "key-vault-secrets-user", vault, remove_role) is True
    a_second_later()
    with pytest.raises(NotAuthorised):
        authorize(people.stranger, Permission.SECRETS_GET, scope, actors.request())


@pytest.mark.stack  # the running audit worker opens the records
def test_every_change_is_recorded(people, vault, grant):
    assign(grant, people.stranger, "key-vault-reader", vault)
    assign(grant, people.stranger, "key-vault-reader", vault, remove_role)
    found = [record.header["operation"] for record in records.in_test(caller="secops")]
    assert found == ["RoleAssignmentWrite", "RoleAssignmentDelete"]


def test_nobody_grants_themselves_anything(people, vault):
    actors.give(people.app, "key-vault-contributor", vault)
    own = actors.grant_of(people.app, Permission.ROLES_ASSIGN, vault)
    with pytest.raises(SelfGrant):
        assign(own, people.app, "key-vault-administrator", vault)


@pytest.mark.parametrize("role", ["", "owner", "key-vault-administrator ", "\x00", "KEY-VAULT-READER"])
def test_an_unknown_role_is_refused(people, vault, grant, role):
    with pytest.raises(UnknownRole):
        assign(grant, people.stranger, role, vault)


def test_a_disabled_application_has_no_rights(people, vault):
    User.objects.filter(pk=people.app.id).update(is_active=False)
    assert permissions_of(principal_id=people.app.id, vault_id=vault.pk) == frozenset()


def test_a_row_with_a_role_that_nobody_knows_allows_nothing(people, vault):
    from django.contrib.auth.models import Permission as RoleRow
    from django.contrib.contenttypes.models import ContentType
    from guardian.models import UserObjectPermission

    content_type = ContentType.objects.get_by_natural_key("vaults", "vault")
    row = RoleRow.objects.create(codename="from-the-future", name="x", content_type=content_type)
    UserObjectPermission.objects.create(
        user_id=people.stranger.id, permission=row, content_type=content_type, object_pk=str(vault.pk)
    )
    assert permissions_of(principal_id=people.stranger.id, vault_id=vault.pk) == frozenset()


def test_every_data_plane_permission_has_its_azure_name():
    resources = ("keys", "secrets", "certificates", "rng")
    data_plane = {permission for permission in Permission if permission.split("/")[0] in resources}
    assert set(DATA_ACTIONS) == data_plane


def test_no_role_of_applications_reaches_the_systems_own_acts():
    for role in ROLES.values():
        assert not role.permissions & {
            Permission.TOKENS_ISSUE,
            Permission.ORGANISATION_INITIALISE,
            Permission.AUDIT_READ,
            Permission.APPROVALS_DECIDE,
            Permission.MANAGERS_ASSIGN,
        }
        assert role.everywhere or Permission.VAULTS_CREATE not in role.permissions
