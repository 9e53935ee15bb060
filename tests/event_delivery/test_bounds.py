"""Webhooks with very many events, and values that no process could work with."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.event_delivery import operations, queries, retention
from apps.event_delivery.models import Delivery, Subscription
from apps.workers.event_delivery import dispatcher
from tests.events.test_outbox import make_secret
from tests.support import actors

pytestmark = pytest.mark.django_db


def make_webhook(vault, **fields):
    moment = now()
    made = {"name": "crm", "url": "https://example.com/", "schema": "cloudevents", "position": 0, **fields}
    return Subscription.objects.create(
        vault=vault, created=moment, changed=moment, validation_requested=moment, handshake=moment, **made
    )


def make_delivery(webhook, state, *, age=0):
    moment = now() - timedelta(days=age)
    Delivery.objects.create(
        subscription=webhook, event_id=uuid.uuid4(), event_type="x", object_id=uuid.uuid4(), object_name="x",
        position=1, state=state, since=moment, next_try=moment, created=moment,
    )  # fmt: skip


def test_a_webhook_that_is_far_behind_gets_some_events_at_a_time(vault, monkeypatch):
    monkeypatch.setattr(dispatcher, "_FANNED_OUT", 2)
    for number in "123":
        make_secret(vault, version=number * 32)
    webhook = make_webhook(vault, types=["Microsoft.KeyVault.SecretNewVersionCreated"], valid=True)
    sent = []
    looking = dispatcher.Dispatcher(sent.append)
    for position in (2, 3):
        looking.look(now=now())
        webhook.refresh_from_db()
        assert webhook.position == position
    assert list(Delivery.objects.order_by("position").values_list("position", flat=True)) == [1, 2, 3]
    assert sent == [webhook.pk]


def test_the_number_of_deliveries_is_counted_to_a_bound(vault, monkeypatch):
    monkeypatch.setattr(queries, "MOST_COUNTED", 2)
    webhook = make_webhook(vault)
    for state in ("pending", "pending", "pending", "dead", "delivered"):
        make_delivery(webhook, state)
    (row,) = queries.list_subscriptions(vault_id=vault.pk)
    assert (row.pending, row.dead) == (2, 1)
    assert queries.get_subscription(vault_id=vault.pk, name="crm").pk == webhook.pk
    with pytest.raises(queries.SubscriptionNotFound):
        queries.get_subscription(vault_id=vault.pk, name="other")


@pytest.mark.parametrize(
    "fields", [{"types": {"a": 1}}, {"types": [1]}, {"name": "a\nb"}, {"name": "a/b"}, {"failures": -1}]
)
def test_no_row_stops_who_reads_it(vault, fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        make_webhook(vault, **fields)


def test_no_number_of_attempts_stops_a_delivery(vault):
    make_delivery(make_webhook(vault), "pending")
    for attempts in (-1, 2**31 - 1):
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.update(attempts=attempts)


def test_old_deliveries_are_deleted_a_part_at_a_time(vault):
    webhook = make_webhook(vault)
    for age in (33, 32, 31, 1):
        make_delivery(webhook, "delivered", age=age)
    assert retention.delete_old(grant=scheduled_grant(), now=now()) == 3
    assert Delivery.objects.count() == 1


def test_a_webhook_is_removed_with_many_deliveries(vault, people, monkeypatch):
    monkeypatch.setattr(operations, "_AT_ONCE", 1)
    webhook = make_webhook(vault)
    for state in ("delivered", "dead", "delivered", "pending"):
        make_delivery(webhook, state)
    grant = actors.grant_of(people.secops, Permission.VAULTS_UPDATE, vault)
    operations.delete(grant=grant, vault=vault, name="crm")
    assert not Delivery.objects.exists()
    assert not Subscription.objects.exists()


def test_a_second_message_does_not_end_the_place_of_a_slow_receiver():
    looking, webhook = dispatcher.Dispatcher(lambda _: None), uuid.uuid4()
    assert looking._choose([(webhook, True)]) == [webhook]
    assert looking.began(webhook)
    assert not looking.began(webhook)
    others = [(uuid.uuid4(), True) for _ in range(8)]
    assert len(looking._choose(others)) == 7
    looking.ended(webhook)
    assert looking.began(webhook)
