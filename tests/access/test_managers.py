"""Applications that manage vaults: who makes one, what it may, and what else waits for a second person then."""

import pytest

from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.access_check import explain_access
from apps.domain.access.grants import GrantMismatch, NotAuthorised, Scope, is_permitted
from apps.domain.access.permissions import DATA_ACTIONS, Permission
from apps.domain.access.queries import invalidate_decisions
from apps.domain.access.system_grants import system_grant
from apps.domain.approvals.effects import effect_of
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import ApprovalRequest
from apps.domain.approvals.operations import decide
from apps.domain.catalog.role_targets import describe_assignments, list_holders
from apps.domain.identity import managers
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.operations import add_client_secret
from apps.domain.vaults.models import Vault
from tests.support import actors

pytestmark = pytest.mark.django_db
MANAGES = {
    Permission.VAULTS_CREATE,
    Permission.VAULTS_LIST,
    Permission.VAULTS_READ,
    Permission.VAULTS_UPDATE,
    Permission.VAULTS_DELETE,
    Permission.VAULTS_PURGE,
    Permission.ROLES_READ,
    Permission.ROLES_ASSIGN,
}


def application_of(principal):
    return ApplicationIdentity.objects.get(user_id=principal.id)


def make(people, principal, *, by=None, manager=True):
    grant = actors.grant_of(by or people.secops, Permission.MANAGERS_ASSIGN)
    changed = managers.set_manager(grant=grant, application=application_of(principal), manager=manager, now=now())
    invalidate_decisions()
    return changed


def test_a_manager_may_manage_every_vault_and_touch_nothing_in_it(people, vault):
    assert make(people, people.stranger)
    assert not make(people, people.stranger)
    assert managers.is_manager(application_of(people.stranger))
    for scope in (Scope(), Scope.of(vault), Scope.of(actors.make_vault(vault.world, "later"))):
        held = {permission for permission in Permission if is_permitted(people.stranger, permission, scope)}
        assert held == MANAGES
        assert not held & DATA_ACTIONS.keys()
    row = next(row for row in describe_assignments(vault) if row["everywhere"])
    assert (row["application"], row["role_name"]) == ("stranger", "Vault Manager")
    assert people.stranger.id in {row["principal_id"] for row in list_holders(vault)}  # the auditors' access review
    result = explain_access(
        grant=actors.grant_of(people.secops, Permission.ROLES_READ),
        principal=people.stranger,
        permission=Permission.VAULTS_DELETE,
        scope=Scope.of(vault),
    )
    assert result.because == "stranger has the role Vault Manager at all vaults, which allows vaults/delete."
    assert make(people, people.stranger, manager=False)
    assert not any(is_permitted(people.stranger, permission, Scope.of(vault)) for permission in Permission)


def test_only_security_operations_make_a_manager(people, vault):
    make(people, people.app)
    for principal in (people.app, people.dev, people.auditor, people.stranger):
        with pytest.raises(NotAuthorised):
            actors.grant_of(principal, Permission.MANAGERS_ASSIGN)
    with pytest.raises(GrantMismatch):
        managers.set_manager(
            grant=actors.grant_of(people.secops, Permission.ROLES_ASSIGN),
            application=application_of(people.app),
            manager=True,
            now=now(),
        )


def test_where_there_is_a_production_vault_a_second_person_approves_a_manager(people, vault):
    Vault.objects.filter(pk=vault.pk).update(production=True)
    with pytest.raises(ApprovalRequired, match="Assign the vault manager role"):
        make(people, people.stranger)
    second = actors.make_person("second", PersonRole.SECURITY_OPERATIONS)
    decide(
        grant=actors.grant_of(second, Permission.APPROVALS_DECIDE),
        request_id=ApprovalRequest.objects.get().pk,
        approve=True,
        now=now(),
    )
    assert make(people, people.stranger)
    assert effect_of(principal_id=people.stranger.id).opens == ["the work of vault-manager"]
    with pytest.raises(ApprovalRequired, match="Add a credential"):  # a credential of it manages the vaults
        add_client_secret(
            grant=actors.grant_of(people.secops, Permission.APPLICATIONS_CREATE),
            application=application_of(people.stranger),
            now=now(),
        )
    Vault.objects.filter(pk=vault.pk).update(deleted=now(), purge_after=now())
    assert effect_of(principal_id=people.stranger.id).guarded  # it can be recovered
    Vault.objects.filter(pk=vault.pk).update(purged=now())
    assert not effect_of(principal_id=people.stranger.id).guarded


def test_the_machines_command_needs_no_second_person(people, vault):
    Vault.objects.filter(pk=vault.pk).update(production=True)
    grant = system_grant(Permission.MANAGERS_ASSIGN, origin="tests")
    assert managers.set_manager(grant=grant, application=application_of(people.app), manager=True, now=now())
