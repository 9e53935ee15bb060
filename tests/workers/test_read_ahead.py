"""The facts of secrets that a batch of requests asks for, read in one statement."""

import pytest
from django.utils import timezone

from apps.audit_log.operation_names import Operation
from apps.core.ids import uuid7
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import make_record
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client.protocol import Ping, UnsealSecret
from apps.domain.secrets.kind import SecretNotFound
from apps.domain.secrets.models import Secret
from apps.domain.secrets.queries import find_facts
from apps.domain.secrets.rules import NewSecret
from apps.domain.secrets.storing import prepare, store
from apps.domain.vaults.queries import find_vault
from apps.workers.hsm_worker.preflight import read_ahead, secret_facts
from tests.support import actors

pytestmark = pytest.mark.django_db
FIRST, SECOND = "1" * 32, "a" * 32


@pytest.fixture
def put(vault, people):
    actors.give(people.app, "key-vault-secrets-officer", vault)
    grant = actors.grant_of(people.app, Permission.SECRETS_SET, vault)

    def put(name, version):
        spec = NewSecret(tags={"a": "b"})
        place = {"vault": vault, "name": name, "version": version}
        made = prepare(grant=grant, **place, sealed=b"sealed", spec=spec, now=timezone.now())
        record = make_record(
            grant.principal, grant.scope, grant.request, operation=Operation.SECRET_SET, object_id=f"secrets/{name}"
        )
        store([made], [record])

    return put


@pytest.fixture
def batch(vault, put):
    """Reads ahead for names and versions in the vault."""
    put("Database", FIRST)
    put("Database", SECOND)
    put("mail", FIRST)
    find_vault(name=vault.name)  # the process has used it

    def batch(*names, vault_name=vault.name):
        context = RequestContext(request_id=uuid7())
        read_ahead([Ping(), *(UnsealSecret(0.0, context, vault_name, name, version) for name, version in names)])

    yield batch
    read_ahead([])


def test_the_facts_of_a_batch_are_those_that_a_single_reading_finds(vault, batch, django_assert_num_queries):
    names = [("dataBASE", ""), ("Database", FIRST), ("database", SECOND.upper()), ("mail", "")]
    single = [find_facts(vault_id=vault.pk, name=name, version=version) for name, version in names]
    batch(*names)
    with django_assert_num_queries(0):
        assert [secret_facts(vault, name, version) for name, version in names] == single
    assert [facts.version for facts in single] == [SECOND, FIRST, SECOND, FIRST]


def test_each_batch_reads_anew(vault, batch, put):
    batch(("database", ""), ("mail", ""))
    put("mail", SECOND)
    assert secret_facts(vault, "mail", "").version == FIRST  # the batch is the moment of its reading
    batch(("database", ""), ("mail", ""))
    assert secret_facts(vault, "mail", "").version == SECOND
    batch(("mail", ""))  # alone: read where it is needed
    assert secret_facts(vault, "mail", "").version == SECOND


@pytest.mark.parametrize("bad", ["\0", "\ud800", "x" * 200, "a/b", ""])
def test_what_cannot_exist_does_not_reach_the_database(vault, batch, bad):
    batch((bad, ""), ("database", bad or "1"), ("database", ""), ("mail", ""))
    assert secret_facts(vault, "mail", "").name == "mail"


def test_missing_and_deleted_secrets_are_refused(vault, batch):
    Secret.objects.filter(folded_name="mail").update(deleted=timezone.now(), purge_after=timezone.now())
    batch(("database", ""), ("mail", ""), ("mail", FIRST), ("none", ""), ("database", "2" * 32))
    for name, version in (("mail", ""), ("mail", FIRST), ("none", ""), ("database", "2" * 32)):
        with pytest.raises(SecretNotFound):
            secret_facts(vault, name, version)


def test_another_vault_does_not_see_what_was_read(vault, batch):
    batch(("database", ""), ("mail", ""))
    other = actors.make_vault(vault.world, "other")
    with pytest.raises(SecretNotFound):
        secret_facts(other, "database", "")


def test_a_vault_that_the_process_has_not_used_is_not_looked_up(batch, django_assert_num_queries):
    with django_assert_num_queries(0):
        batch(("database", ""), ("mail", ""), vault_name="never-used")
