"""A vault whose key could not be made is made again by whose it is, and by nobody else."""

import pytest

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import list_all_effective_assignments
from apps.domain.hsm_client import client
from apps.domain.vaults.models import Vault
from apps.domain.vaults.operations import VaultExists, create, create_test_vault
from tests.support import actors

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(vault, people, monkeypatch):
    """A vault whose key could not be made; no worker makes one now, and nobody waits long for it."""
    monkeypatch.setattr(client, "WAIT_SECONDS", 0.1)
    actors.give(people.app, "key-vault-crypto-user", vault)
    Vault.objects.filter(pk=vault.pk).update(state=Vault.State.FAILED)
    vault.refresh_from_db()
    return vault


def again(person, permission, make, vault):
    grant = actors.grant_of(person, permission)
    make(grant=grant, name=vault.name.upper(), world_name=vault.world.name, now=now())


def test_a_developer_does_not_take_over_one_of_security_operations(failed, people):
    with pytest.raises(VaultExists):
        again(people.dev, Permission.TEST_VAULTS_CREATE, create_test_vault, failed)
    failed.refresh_from_db()
    assert (failed.state, failed.test, failed.owner_id) == (Vault.State.FAILED, False, None)
    assert not list(list_all_effective_assignments(principal_id=people.dev.id))


def test_security_operations_do_not_take_over_a_developers(failed, people):
    Vault.objects.filter(pk=failed.pk).update(test=True, owner_id=people.dev.id)
    with pytest.raises(VaultExists):
        again(people.secops, Permission.VAULTS_CREATE, create, failed)


@pytest.mark.parametrize("whose", ["secops", "dev"])
def test_whose_it_is_makes_it_again(failed, people, whose):
    permission, make = Permission.VAULTS_CREATE, create
    if whose == "dev":
        permission, make = Permission.TEST_VAULTS_CREATE, create_test_vault
        Vault.objects.filter(pk=failed.pk).update(test=True, owner_id=people.dev.id)
    with pytest.raises(client.JobPending):
        again(getattr(people, whose), permission, make, failed)
    failed.refresh_from_db()
    assert failed.state == Vault.State.PENDING
