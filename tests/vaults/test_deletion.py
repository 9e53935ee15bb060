"""Deleting a whole vault: what finds it then, who approves it, what recovers it, and what a purge leaves."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.audit_reader.search_service import choose_log
from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access import operations as access
from apps.domain.access.grants import NotAuthorised
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import list_assignments_of
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import ApprovalRequest
from apps.domain.approvals.operations import decide
from apps.domain.catalog import queries as catalog
from apps.domain.certificates.models import Contacts, Issuer, IssuingAuthority
from apps.domain.certificates.operations.settings import delete_of_purged_vaults
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key
from apps.domain.objects import backups
from apps.domain.objects.operations import soft_delete
from apps.domain.security_worlds.models import ProtectedKey
from apps.domain.vaults import deletion, operations, queries
from apps.domain.vaults.models import PurgedObject, Vault
from apps.domain.vaults.queries import VaultNotFound
from apps.domain.vaults.rules import VaultPurgeProtected
from tests.support import actors

pytestmark = pytest.mark.django_db


def delete(people, vault, *, at=None):
    grant = actors.grant_of(people.secops, Permission.VAULTS_DELETE, vault)
    row = deletion.delete(grant=grant, vault=vault, now=at or now())
    queries.invalidate(name=vault.name)  # as the commit does, which a test does not reach
    return row


def purge(people, vault, *, at=None):
    row = Vault.objects.get(pk=vault.pk)
    grant = actors.grant_of(people.secops, Permission.VAULTS_PURGE, row)
    deletion.purge(grant=grant, vault=row, now=at or now())


def approve_all(number):
    grant = actors.grant_of(
        actors.make_person(f"second{number}", PersonRole.SECURITY_OPERATIONS), Permission.APPROVALS_DECIDE
    )
    for row in ApprovalRequest.objects.filter(state="open"):
        decide(grant=grant, request_id=row.pk, approve=True, now=now())


def test_nothing_finds_a_deleted_vault_until_it_is_recovered(people, vault):
    actors.make_key(vault, "master")
    assert queries.find_vault(name="payroll").pk == vault.pk
    row = delete(people, vault)
    assert row.purge_after - row.deleted == timedelta(days=90)
    for find in (queries.find_vault, queries.get_vault):
        with pytest.raises(VaultNotFound):
            find(name="Payroll")
    assert queries.find_vault_id(name="payroll") is None
    assert queries.list_vaults() == []
    assert [one.pk for one in queries.list_deleted_vaults()] == [vault.pk]
    assert catalog.search(principal=people.secops, text="mast", limit=5) == []
    assert choose_log("payroll").log_id == vault.pk  # its audit log stays readable by its name
    deletion.recover(grant=actors.grant_of(people.secops, Permission.VAULTS_DELETE, row), vault=row)
    queries.invalidate(name="payroll")
    assert queries.find_vault(name="payroll").pk == vault.pk
    assert list_assignments_of(principal_id=people.app.id)  # with its roles
    assert [hit.name for hit in catalog.search(principal=people.secops, text="mast", limit=5)] == ["master"]


def test_a_deleted_vault_keeps_its_name_and_a_purged_one_gives_it_back(people, vault):
    delete(people, vault)
    assert not queries.is_name_free(name="PAYROLL")
    create = actors.grant_of(people.secops, Permission.VAULTS_CREATE)
    with pytest.raises(operations.VaultIsDeleted, match="Recover it, purge it, or choose another"):
        operations.create(grant=create, name="Payroll", world_name="europe", now=now())
    with pytest.raises(IntegrityError), transaction.atomic():
        actors.make_vault(vault.world, "PAYROLL")
    purge(people, vault)
    assert queries.is_name_free(name="payroll")
    other = actors.make_vault(vault.world, "Payroll")
    assert queries.find_vault(name="payroll").pk == other.pk
    assert choose_log("payroll").log_id == other.pk
    assert choose_log(str(vault.pk)).log_id == vault.pk  # the log of the earlier one, by its id
    with pytest.raises(VaultNotFound):
        queries.get_deleted_vault(name="payroll")


def test_a_deletion_and_a_purge_of_a_production_vault_wait_for_a_second_person(people, vault):
    Vault.objects.filter(pk=vault.pk).update(production=True)
    vault.production = True
    with pytest.raises(
        ApprovalRequired, match=r"Delete a vault \(the vault\) in vault payroll needs approval"
    ) as waiting:
        delete(people, vault)
    assert waiting.value.request_id == ApprovalRequest.objects.get().pk
    assert queries.find_vault(name="payroll").pk == vault.pk
    approve_all(1)
    row = delete(people, vault)
    with pytest.raises(ApprovalRequired, match="Purge a vault"):
        purge(people, vault)
    approve_all(2)
    deletion.recover(grant=actors.grant_of(people.secops, Permission.VAULTS_DELETE, row), vault=row)
    with pytest.raises(ApprovalRequired):  # an approval is for one deletion
        delete(people, vault)
    approve_all(3)
    delete(people, vault)
    with pytest.raises(ApprovalRequired):
        purge(people, vault)
    approve_all(4)
    purge(people, vault)
    assert Vault.objects.get(pk=vault.pk).purged is not None
    assert not ApprovalRequest.objects.filter(state__in=["open", "approved"]).exists()


def test_purge_protection_holds_for_the_whole_vault(people, vault):
    Vault.objects.filter(pk=vault.pk).update(purge_protection=True)
    vault.refresh_from_db()
    row = delete(people, vault)
    with pytest.raises(VaultPurgeProtected, match="purge protection: it is purged when its retention period ends on"):
        purge(people, vault)
    grant = scheduled_grant()
    assert deletion.purge_due(grant=grant, now=row.purge_after - timedelta(seconds=1)) == 0
    Vault.objects.filter(pk=vault.pk).update(deleted=now() - timedelta(days=91), purge_after=now() - timedelta(days=1))
    assert deletion.purge_due(grant=grant, now=now()) == 1
    assert deletion.purge_due(grant=grant, now=now()) == 0


def test_the_scheduler_removes_what_was_in_a_purged_vault(people, vault):
    Vault.objects.filter(pk=vault.pk).update(purge_protection=True)
    kept = actors.make_vault(vault.world, "kept")
    live, other = actors.make_key(vault, "live"), actors.make_key(kept, "live")
    deleted = actors.make_key(vault, "deleted", deleted=now(), purge_after=now() + timedelta(days=90))
    issuer = Issuer.objects.create(
        vault=vault, name="i", folded_name="i", provider="VaultPortal", created=now(), updated=now()
    )
    authority = actors.make_protected(vault.world, vault, name="authority")
    IssuingAuthority.objects.create(issuer=issuer, protected=authority, created=now())
    Contacts.objects.create(vault=vault, people=[])
    Vault.objects.filter(pk=vault.pk).update(deleted=now() - timedelta(days=91), purge_after=now() - timedelta(days=1))
    grant = scheduled_grant()
    assert soft_delete.purge_due(grant=grant, kind=KEYS, now=now()) == 0  # of a vault that can be recovered, nothing
    assert deletion.purge_due(grant=grant, now=now()) == 1
    assert list_assignments_of(principal_id=people.app.id) == []
    assert soft_delete.purge_due(grant=grant, kind=KEYS, now=now()) == 2
    assert delete_of_purged_vaults(grant=grant) == 2
    assert list(Key.objects.values_list("pk", flat=True)) == [other.pk]
    assert set(PurgedObject.objects.values_list("lineage", flat=True)) == {live.pk, deleted.pk}  # no backup restores it
    assert not ProtectedKey.objects.filter(pk=authority.pk).exists()


@pytest.mark.parametrize("protected", [True, False])
def test_no_backup_restores_what_a_protected_vault_had_while_the_scheduler_is_at_it(people, vault, protected):
    target, key = actors.make_vault(vault.world, "target"), actors.make_key(vault, "live")
    place = {"object": "key", "name": "live", "world": vault.world.name, "vault": vault.name, "vault_id": vault.pk.hex}
    backup = backups.Header(**place, lineage=key.pk, made_by="", created=0, parts=[])
    backups.check_origin(backup, vault=target)
    dates = {"deleted": now() - timedelta(days=91), "purge_after": now() - timedelta(days=1)}
    Vault.objects.filter(pk=vault.pk).update(purge_protection=protected, **dates)
    backups.check_origin(backup, vault=target)  # it can be recovered
    assert deletion.purge_due(grant=scheduled_grant(), now=now()) == 1
    assert not PurgedObject.objects.exists()
    with pytest.raises(backups.BackupOfPurgedObject) if protected else nullcontext():
        backups.check_origin(backup, vault=target)


def test_developers_delete_and_purge_their_own_test_vaults_only(people, vault):
    own = actors.make_vault(vault.world, "sandbox")
    Vault.objects.filter(pk=own.pk).update(test=True, owner_id=people.dev.id)
    access.make_test_vault_owner(grant=actors.grant_of(people.dev, Permission.TEST_VAULTS_CREATE), vault_id=own.pk)
    for permission in (Permission.VAULTS_DELETE, Permission.VAULTS_PURGE):
        with pytest.raises(NotAuthorised):
            actors.grant_of(people.dev, permission, vault)
        with pytest.raises(NotAuthorised):
            actors.grant_of(people.app, permission, vault)
    own.refresh_from_db()
    grant = actors.grant_of(people.dev, Permission.VAULTS_DELETE, own)
    row = deletion.delete(grant=grant, vault=own, now=now())
    assert [one.pk for one in queries.list_deleted_vaults(people.dev)] == [own.pk]
    deletion.purge(grant=actors.grant_of(people.dev, Permission.VAULTS_PURGE, row), vault=row, now=now())
    assert queries.list_deleted_vaults(people.dev) == []


def test_a_vault_that_was_never_completed_is_not_deleted(people, vault):
    Vault.objects.filter(pk=vault.pk).update(state=Vault.State.FAILED)
    with pytest.raises(deletion.VaultNotReady, match="Create it again under its name"):
        delete(people, vault)
