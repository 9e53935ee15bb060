"""In a shared vault, a developer sees neither names nor counts of the kinds without a role."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from rest_framework.test import force_authenticate

from apps.core.clock import now
from apps.domain.access.grants import NotAuthorised, Scope
from apps.domain.access.queries import invalidate_decisions
from apps.domain.catalog import calendar, queries, visibility
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.vaults.queries import list_vaults
from apps.interfaces.management_api.authentication import SignedIn
from tests.support import actors

pytestmark = pytest.mark.django_db


@pytest.fixture
def shared(people, vault):
    """A vault with the key `Payments`, in which the developer may read secrets."""
    actors.make_key(vault, "Payments")
    actors.give(people.dev, "key-vault-secrets-user", vault)
    invalidate_decisions()
    return vault


def explanation_of(person, vault, name):
    """What somebody hears who asks for a key, as the interfaces look and then ask."""
    try:
        row = queries.get_object(vault=vault, kind="keys", name=name)
    except queries.ObjectNotFound as error:
        return error.message
    return visibility.conceal(person, queries.scope_of(vault, "keys", row), NotAuthorised("no")).message


@pytest.mark.parametrize(("hidden", "absent"), [("Payments", "Payments2"), ("PAYMENTS", "NOBODYS"), ("payments", "x")])
def test_a_hidden_object_is_told_of_as_an_absent_one(people, shared, hidden, absent):
    assert explanation_of(people.dev, shared, hidden).replace("payments", "?") == explanation_of(
        people.dev, shared, absent
    ).replace(absent.lower(), "?")


def test_a_search_finds_no_name_of_a_kind_without_a_role(people, shared):
    assert queries.search(principal=people.dev, text="pay", limit=5) == [queries.SearchResult("vaults", shared.name)]
    key = Key.objects.get(vault=shared)
    actors.give(people.dev, "key-vault-reader", shared, object_type="key", object_id=key.pk)
    invalidate_decisions()
    assert queries.SearchResult("keys", "Payments", shared.name) in queries.search(
        principal=people.dev, text="pay", limit=5
    )
    Secret.objects.create(vault=shared, name="db", folded_name="db")
    assert list(Key.objects.visible_to(people.dev)) == [key]
    assert Secret.objects.visible_to(people.dev).count() == Secret.objects.count() == 1


def callers(person, vault, named):
    request = RequestFactory().get(f"/api/v1/vaults/{vault.name}/callers", {"object": named})
    request.resolver_match = resolve(request.path, "apps.interfaces.management_api.urls")
    force_authenticate(request, SignedIn(person))
    view, _arguments, names = request.resolver_match
    return view(request, **names).data


@pytest.mark.parametrize("named", ["keys/Payments", "keys", "keys/Payments/0"])
def test_callers_of_a_kind_without_a_role_are_none(people, shared, named):
    for name, operation in (("keys/Payments", "KeySign"), ("secrets/db", "SecretGet")):
        actors.count_use(people.app, shared, object_id=name, operation=operation)
    assert callers(people.dev, shared, named) == []
    assert len(callers(people.dev, shared, "secrets/db")) == 1
    assert len(callers(people.secops, shared, "keys/Payments")) == 1


def test_the_database_is_asked_as_often_for_many_objects_as_for_few(people, vault, django_assert_num_queries):
    def give(numbers):
        """A secret of each number, with a role at it alone, in a vault of its own; it expires soon."""
        for number in numbers:
            place = vault if number % 2 else actors.make_vault(vault.world, f"pay-{number}")
            row = Secret.objects.create(vault=place, name=f"pay-{number}", folded_name=f"pay-{number}")
            moments = {"created": now(), "updated": now(), "expires": now() + timedelta(days=1 + number)}
            row.current = SecretVersion.objects.create(secret=row, version=f"{number:032x}", sealed=b"x", **moments)
            row.save()
            actors.give(people.dev, "key-vault-reader", place, object_type="secret", object_id=row.pk)

    def ask():
        """How many secrets a list, a search and the overview know of."""
        invalidate_decisions()
        list_vaults(people.dev)
        return (
            Secret.objects.visible_to(people.dev).filter(vault=vault).count(),
            len([hit for hit in queries.search(principal=people.dev, text="pay-", limit=50) if hit.kind == "secrets"]),
            len(calendar.list_upcoming(principal=people.dev, now=now(), days=30, limit=8)),
        )

    give(range(2))
    with CaptureQueriesContext(connection) as few:
        assert ask() == (1, 2, 2)
    give(range(2, 20))
    with django_assert_num_queries(len(few)):
        assert ask() == (10, 20, 8)


def coming(person):
    return calendar.list_upcoming(principal=person, now=now(), days=30, limit=8)


def test_what_comes_of_a_hidden_object_is_not_told(people, shared):
    KeyVersion.objects.update(expires=now() + timedelta(days=3))
    key = Key.objects.get(vault=shared)
    assert coming(people.dev) == []
    actors.give(people.dev, "key-vault-reader", shared, object_type="key", object_id=key.pk)
    assert [event.name for event in coming(people.dev)] == ["Payments"]


def test_security_operations_hear_why(people, shared):
    scope = Scope.of(shared, "key", "Payments")
    assert visibility.conceal(people.secops, scope, NotAuthorised("no")).message == "no"
