"""The name of a deleted object: refused, or recovered for a new version, as the vault says and the caller may."""

import pytest

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.core.principals import PrincipalKind
from apps.core.sql import select
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.keys.kind import KEYS
from apps.domain.objects import names, rules
from apps.domain.objects.changes import added_version
from apps.domain.objects.operations import soft_delete
from apps.domain.vaults.models import Vault
from tests.support import actors

pytestmark = pytest.mark.django_db


@pytest.fixture
def deleted(vault, people):
    """A key that secops has deleted."""
    key = actors.make_key(vault, "Master")
    grant = actors.grant_of(people.secops, Permission.KEYS_DELETE, vault)
    soft_delete.delete(grant=grant, kind=KEYS, vault=vault, name="master", now=now())
    key.refresh_from_db()
    return key


def recovers(vault):
    Vault.objects.filter(pk=vault.pk).update(on_conflict=Vault.OnConflict.RECOVER)


def create(vault, principal, *, recreates=True):
    grant = actors.grant_of(principal, Permission.KEYS_CREATE, vault)
    with added_version(
        KEYS,
        grant=grant,
        operation=Operation.KEY_CREATE,
        vault=vault,
        name="MASTER",
        version="1" * 32,
        recreates=recreates,
    ) as row:
        return row


def creator(vault):
    """An application that may create keys, and not recover them."""
    application = actors.make_application("creator")
    actors.give(application, "access-policy-keys-create", vault)
    return application


def recorded(vault):
    return [
        operation
        for (operation,) in select(
            "SELECT operation FROM audit_event WHERE log_id = %s AND operation LIKE 'Key%%' ORDER BY number", [vault.pk]
        )
    ]


def test_who_may_recover_it_reads_who_deleted_it_and_when(vault, people, deleted):
    assert deleted.deleted_by == "secops"
    with pytest.raises(rules.ObjectIsDeleted) as refusal:
        create(vault, people.app)
    text = str(refusal.value)
    assert text.startswith("Key Master is currently in a deleted but recoverable state, and its name cannot be reused")
    assert f"It was deleted by secops on {deleted.deleted:%Y-%m-%d %H:%M} UTC." in text
    assert "portal key recover Master --vault payroll" in text
    assert refusal.value.may_recover == ("key", "Master")


def test_others_read_azures_sentence_alone(vault, deleted):
    with pytest.raises(rules.ObjectIsDeleted) as refusal:
        create(vault, creator(vault))
    assert str(refusal.value).endswith("the key can only be recovered or purged.")
    assert refusal.value.may_recover is None


def test_a_vault_that_recovers_adds_the_version_and_records_both(vault, people, deleted):
    recovers(vault)
    before = recorded(vault)
    row = create(vault, people.app)
    assert row.recovered and (row.pk, row.current_id) == (deleted.pk, deleted.current_id)
    deleted.refresh_from_db()
    assert (deleted.deleted, deleted.purge_after, deleted.deleted_by) == (None, None, "")
    assert recorded(vault)[len(before) :] == ["KeyRecover", "KeyCreate"]


def test_without_the_permission_to_recover_it_refuses(vault, deleted):
    recovers(vault)
    before = recorded(vault)
    with pytest.raises(rules.ObjectIsDeleted, match="recovers it for callers with the permission keys/recover"):
        create(vault, creator(vault))
    deleted.refresh_from_db()
    assert deleted.deleted is not None and recorded(vault) == before


def test_neither_a_rotation_nor_the_scheduler_recovers(vault, people, deleted):
    recovers(vault)
    with pytest.raises(rules.ObjectIsDeleted):
        create(vault, people.app, recreates=False)
    grant = scheduled_grant(vault)
    assert grant.principal.kind is PrincipalKind.SYSTEM
    with pytest.raises(rules.ObjectIsDeleted):
        names.get_or_create_locked(KEYS, vault, "master", grant=grant, recreates=True)


def test_a_key_of_a_deleted_certificate_is_recovered_with_the_certificate_only(vault, people, deleted):
    recovers(vault)
    type(deleted).objects.filter(pk=deleted.pk).update(managed=True)
    with pytest.raises(rules.ObjectIsDeleted) as refusal:
        create(vault, people.app)
    assert refusal.value.may_recover is None
