"""A value, its version and its audit record in one statement, or nothing."""

import pytest
from django.utils import timezone

from apps.core.sql import select
from apps.domain.access.permissions import Permission
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.secrets.operations.storing import store
from tests.support import actors

pytestmark = pytest.mark.django_db


@pytest.fixture
def put(vault, people):
    actors.give(people.app, "key-vault-secrets-officer", vault)
    grant = actors.grant_of(people.app, Permission.SECRETS_SET, vault)

    def put(name, version):
        moment = timezone.now()
        row = SecretVersion(version=version * 32, sealed=b"sealed", tags={"a": "b"}, created=moment, updated=moment)
        return store(grant=grant, vault=vault, name=name, row=row)

    return put


def numbers(vault):
    rows = select("SELECT number FROM audit_event WHERE log_id = %s AND operation = 'SecretSet' ORDER BY 1", [vault.pk])
    return [number for (number,) in rows]


def test_a_new_name_and_a_further_version(vault, put):
    before = numbers(vault)
    assert put("Database", "1")
    assert put("Database", "2")
    secret = Secret.objects.get(vault=vault)
    assert (secret.name, secret.folded_name, secret.current.version) == ("Database", "database", "2" * 32)
    assert secret.versions.count() == 2
    assert secret.current.tags == {"a": "b"}
    assert len(numbers(vault)) == len(before) + 2


@pytest.mark.parametrize("changes", [{"managed": True}, {"deleted": timezone.now(), "purge_after": timezone.now()}])
def test_a_secret_of_a_certificate_or_a_deleted_one_stays_as_it_is(vault, put, changes):
    assert put("database", "1")
    Secret.objects.update(**changes)
    before = numbers(vault)
    assert not put("database", "2")
    assert Secret.objects.get(vault=vault).current.version == "1" * 32
    assert SecretVersion.objects.count() == 1
    assert numbers(vault) == before


def test_another_spelling_is_left_to_the_transaction_that_knows_the_first(vault, put):
    assert put("Database", "1")
    before = numbers(vault)
    assert not put("dataBASE", "2")
    assert numbers(vault) == before
    assert put("Database", "3")
    after = numbers(vault)
    assert after == [*before, after[-1]]
    assert after[-1] == before[-1] + 1, "a number that was not used leaves a gap, which is a deleted record"
