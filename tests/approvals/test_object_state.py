"""An approval names an object and its state: it holds for no other object of the name, and for no later state."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import ApprovalRequest
from apps.domain.approvals.operations import decide
from apps.domain.catalog.history import list_history
from apps.domain.catalog.impact import calculate_impact
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key
from apps.domain.objects.operations import soft_delete
from tests.support import actors

pytestmark = pytest.mark.django_db


@pytest.fixture
def do(people, guarded):
    def act(name):
        grant = actors.grant_of(people.secops, Permission(f"keys/{name}"), guarded)
        arguments = {"grant": grant, "kind": KEYS, "vault": guarded, "name": "x"}
        getattr(soft_delete, name)(**arguments, **({} if name == "recover" else {"now": now()}))

    return act


def approve(second):
    grant = actors.grant_of(second, Permission.APPROVALS_DECIDE)
    decide(grant=grant, request_id=ApprovalRequest.objects.get(state="open").pk, approve=True, now=now())


def ask(do):
    with pytest.raises(ApprovalRequired):
        do("purge")
    return ApprovalRequest.objects.get(state="open")


def test_an_approved_purge_is_carried_out_once(do, guarded, second):
    actors.make_key(guarded)
    do("delete")
    assert ask(do).concerns == [Key.objects.get().pk]
    approve(second)
    do("purge")
    assert not Key.objects.exists()


def test_recovery_ends_the_approval_to_purge(do, guarded, second):
    """In between the key may have been used, and data may depend on it."""
    actors.make_key(guarded)
    do("delete")
    request = ask(do)
    approve(second)
    do("recover")
    request.refresh_from_db()
    assert request.state == "withdrawn"
    do("delete")
    ask(do)
    assert Key.objects.exists()


def test_an_approval_is_not_for_another_key_of_the_name(do, guarded, second, owner_deletes):
    actors.make_key(guarded)
    do("delete")
    ask(do)
    approve(second)
    owner_deletes(Key.objects.get())
    actors.make_key(guarded)
    do("delete")
    with pytest.raises(ApprovalRequired):
        do("purge")
    assert Key.objects.exists()


@pytest.fixture
def owner_deletes():
    """As a purge that another approval allowed."""

    def delete(key):
        Key.objects.filter(pk=key.pk).update(current=None)
        KEYS.delete_versions(key)
        Key.objects.filter(pk=key.pk).delete()

    return delete


def test_an_approval_is_not_for_a_later_deletion(do, guarded, second):
    """Recovered by a process that ends no approvals: the time of the deletion differs."""
    actors.make_key(guarded)
    do("delete")
    ask(do)
    approve(second)
    Key.objects.update(deleted=now() + timedelta(seconds=1))
    ask(do)


def test_the_approver_sees_that_the_object_has_changed(do, guarded, second):
    actors.make_key(guarded)
    do("delete")
    request = ask(do)
    Key.objects.update(deleted=now() + timedelta(seconds=1))
    (change,) = calculate_impact(request=request, now=now()).changes
    assert change[:2] == ("the object", "changed since the request")


def test_the_history_of_an_object_has_no_requests_about_an_earlier_one(do, guarded, second, owner_deletes):
    actors.make_key(guarded)
    do("delete")
    ask(do)

    def asked():
        events = list_history(vault=guarded, kind="keys", row=Key.objects.get(), limit=50)
        return [event for event in events if event.what == "asked"]

    assert len(asked()) == 1
    owner_deletes(Key.objects.get())
    actors.make_key(guarded)
    assert not asked()
