"""Values, their versions and their audit records in one statement, or nothing."""

import pytest
from django.db import DataError, ProgrammingError, transaction
from django.utils import timezone

from apps.audit_log.operation_names import Operation
from apps.core.sql import select, select_value
from apps.domain.access.audit_records import make_record
from apps.domain.access.permissions import Permission
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.secrets.rules import NewSecret
from apps.domain.secrets.storing import find_refused, prepare, store
from tests.support import actors

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(vault, people):
    actors.give(people.app, "key-vault-secrets-officer", vault)
    return actors.grant_of(people.app, Permission.SECRETS_SET, vault)


@pytest.fixture
def make(vault, grant):
    def make(name, *, version):
        """A version of a secret."""
        return prepare(
            grant=grant,
            vault=vault,
            name=name,
            version=version * 32,
            sealed=b"sealed\0" + name.encode(),
            spec=NewSecret(tags={"a": "b"}),
            now=timezone.now(),
        )

    return make


@pytest.fixture
def put(grant, make):
    def put(*names, version):
        """Store a version of each of the secrets. False: nothing was stored."""
        made = [make(name, version=version) for name in names]
        records = [
            make_record(grant.principal, grant.scope, grant.request, operation=Operation.SECRET_SET, object_id=name)
            for name in names
        ]
        try:
            with transaction.atomic():
                store(made, records)
        except (DataError, ProgrammingError):
            return False
        return True

    return put


def numbers(vault):
    rows = select("SELECT number FROM audit_event WHERE log_id = %s AND operation = 'SecretSet' ORDER BY 1", [vault.pk])
    return [number for (number,) in rows]


def test_a_new_name_and_a_further_version(vault, put):
    before = numbers(vault)
    assert put("Database", version="1")
    assert put("Database", version="2")
    secret = Secret.objects.get(vault=vault)
    assert (secret.name, secret.folded_name, secret.current.version) == ("Database", "database", "2" * 32)
    assert secret.versions.count() == 2
    assert secret.current.tags == {"a": "b"}
    assert bytes(secret.current.sealed) == b"sealed\0Database"
    assert len(numbers(vault)) == len(before) + 2


def test_the_statement_waits_for_a_locked_row_for_a_moment_only(put):
    assert put("database", version="1")
    assert select_value("SHOW lock_timeout") == "20ms"


@pytest.mark.parametrize("changes", [{"managed": True}, {"deleted": timezone.now(), "purge_after": timezone.now()}])
def test_a_secret_of_a_certificate_or_a_deleted_one_stays_as_it_is(vault, put, changes):
    assert put("database", version="1")
    Secret.objects.update(**changes)
    before = numbers(vault)
    assert not put("database", version="2")
    assert Secret.objects.get(vault=vault).current.version == "1" * 32
    assert SecretVersion.objects.count() == 1
    assert numbers(vault) == before


def test_another_spelling_is_left_to_the_transaction_that_knows_the_first(vault, put):
    assert put("Database", version="1")
    before = numbers(vault)
    assert not put("dataBASE", version="2")
    assert numbers(vault) == before
    assert put("Database", version="3")
    after = numbers(vault)
    assert after == [*before, after[-1]]
    assert after[-1] == before[-1] + 1, "a number that was not used leaves a gap, which is a deleted record"


def test_several_secrets_are_stored_each_with_its_own_value(vault, put):
    assert put("one", "two", "three", version="1")
    stored = {secret.name: bytes(secret.current.sealed) for secret in Secret.objects.select_related("current")}
    assert stored == {name: b"sealed\0" + name.encode() for name in ("one", "two", "three")}


def test_one_that_cannot_be_stored_keeps_back_the_others_and_all_records(vault, put):
    assert put("managed", version="1")
    Secret.objects.update(managed=True)
    before = numbers(vault)
    assert not put("one", "managed", "two", version="2")
    assert not put("one", "ONE", version="2"), "one secret in two spellings"
    assert [secret.name for secret in Secret.objects.all()] == ["managed"]
    assert numbers(vault) == before


def test_several_versions_of_one_secret_are_stored_in_their_order(vault, put, make):
    assert put("database", version="1")
    versions = [make("database", version=version) for version in "23"]
    store([versions[0], make("other", version="2"), versions[1]], [])
    secret = Secret.objects.get(vault=vault, name="database")
    assert secret.current.version == "3" * 32
    assert sorted(each.version[0] for each in secret.versions.all()) == ["1", "2", "3"]


def test_what_the_statement_refuses_is_found_at_once(put, make):
    for name in ("managed", "deleted", "Database"):
        assert put(name, version="1")
    Secret.objects.filter(name="managed").update(managed=True)
    Secret.objects.filter(name="deleted").update(deleted=timezone.now(), purge_after=timezone.now())
    names = ("managed", "one", "deleted", "database", "Database", "New", "new", "New")
    assert find_refused([make(name, version="2") for name in names]) == [
        True,
        False,
        True,
        True,
        False,
        False,
        True,
        False,
    ]
