"""Finding a vault by name: with one index lookup, also for names that nobody has."""

import pytest
from django.db import connection

from apps.domain.vaults import queries
from apps.domain.vaults.models import Vault
from tests.support.actors import make_vault, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def vault():
    return make_vault(make_world("queried"), "Queried")


@pytest.mark.parametrize("asked_before", [False, True])
def test_the_id_is_that_of_the_vault_in_any_spelling(vault, asked_before):
    queries.invalidate(name="queried")
    if asked_before:
        queries.find_vault(name="queried")
    assert {queries.find_vault_id(name=name) for name in ("queried", "QUERIED", "Queried")} == {vault.pk}


def test_a_name_without_a_vault_that_serves_has_no_id(vault):
    Vault.objects.filter(pk=vault.pk).update(state=Vault.State.PENDING)
    queries.invalidate(name="queried")
    assert [queries.find_vault_id(name=name) for name in ("queried", "nobody's", "", "q%")] == [None] * 4


def test_both_queries_use_the_index_of_names(vault):
    """`SET enable_seqscan = off` lets PostgreSQL read a table only where no index serves."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {queries._READY_VAULT}", ["queried"])
        plans = [str(cursor.fetchall())]
    plans.append(queries._named(Vault.objects.all(), "queried").explain())
    assert all("vault_name_unique" in plan for plan in plans), plans
