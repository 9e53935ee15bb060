"""Changes of a vault's webhooks. Every function demands a `Grant`.

Adding a webhook to a production vault needs an approval, because its receiver learns the names of the vault's objects.
Removing one needs none. The address of a webhook never changes.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError
from django.db.models import Q

from apps.audit_log.operation_names import Operation
from apps.core.digests import digest_of
from apps.core.errors import Conflict
from apps.core.sql import execute
from apps.core.standard_webhooks import new_secret
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import approved_operation
from apps.domain.events.queries import last_positions, number_pending
from apps.domain.events.rules import EventType
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import SealDestination
from apps.domain.vaults.models import Vault
from apps.event_delivery import queries, rules
from apps.event_delivery.models import Delivery, SigningSecret, Subscription

_AT_ONCE, _ENDED_SECONDS = 10_000, 15.0
_FORGET_ENDED = """
    DELETE FROM event_delivery_delivery WHERE id IN (
        SELECT id FROM event_delivery_delivery WHERE subscription_id = %s AND state <> 'pending' LIMIT %s)"""


class SubscriptionExists(Conflict):
    """The vault has a webhook of that name."""


class TooManySubscriptions(Conflict):
    """The vault has as many webhooks as it may have."""


def create(
    *,
    grant: Grant,
    vault: Vault,
    name: str,
    url: str,
    schema: str,
    types: Sequence[str] = (),
    ca_pem: str = "",
    now: datetime,
) -> tuple[Subscription, str]:
    """Add a webhook. It gets the events from now on, as soon as its receiver has answered the handshake.

    Returns the webhook and its signing secret, which cannot be read again. `url`: https; `schema`: of `rules.SCHEMAS`;
    `types`: of events, () for all; `ca_pem`: the CA of the receiver, "" for the public ones. Raises
    `BadSubscription`, `SubscriptionExists`, `TooManySubscriptions`, `ApprovalRequired`, `HsmUnavailable`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    rules.check_name(name)
    rules.check_url(url)
    rules.check_authority(ca_pem)
    rules.check_schema(schema)
    wanted = rules.check_types(types)
    _check_room(vault, name)
    row = Subscription(vault=vault, name=name, url=url, ca_pem=ca_pem, schema=schema, types=wanted, created=now)
    secret, sealed = _sealed_secret(grant, row)
    change = {"webhook": f"{name} → {url}", "schema": schema, "events": ", ".join(wanted) or "all"}
    number_pending()  # before the transaction, which would keep others from numbering
    with approved_operation(
        grant=grant.at(vault),
        act=GuardedOperation.EVENT_SUBSCRIPTION,
        guarded=vault.production,
        subject=f"webhooks/{name}",
        change={**change, "settings": digest_of([ca_pem])},
        now=now,
    ):
        row.position = last_positions([vault.pk]).get(vault.pk, 0)
        row.changed = row.validation_requested = now
        try:
            with recorded_change(grant.at(vault), Operation.WEBHOOK_PUT, object_id=f"webhooks/{name}", change=change):
                row.save(force_insert=True)
                SigningSecret.objects.create(subscription=row, sealed=sealed, created=now)
        except IntegrityError:
            raise SubscriptionExists(_taken(name)) from None
    return row, secret


def delete(*, grant: Grant, vault: Vault, name: str) -> None:
    """Remove a webhook with its deliveries, also those that are pending. Raises `SubscriptionNotFound`."""
    grant.require(Permission.VAULTS_UPDATE)
    row = queries.get_subscription(vault_id=vault.pk, name=name)
    _forget_ended(row)
    with recorded_change(grant.at(vault), Operation.WEBHOOK_DELETE, object_id=f"webhooks/{name}"):
        # Locked: else the event worker adds deliveries between the statements.
        execute("SELECT FROM event_delivery_subscription WHERE id = %s FOR UPDATE", [row.pk])
        for table in ("delivery", "signingsecret"):  # the ORM would read the rows, and the sealed secrets with them
            execute(f"DELETE FROM event_delivery_{table} WHERE subscription_id = %s", [row.pk])  # noqa: S608  ours
        execute("DELETE FROM event_delivery_subscription WHERE id = %s", [row.pk])


def rotate_secret(*, grant: Grant, vault: Vault, name: str, overlap_hours: int, now: datetime) -> str:
    """Replace the signing secret; for `overlap_hours` at most, messages are signed with earlier ones too.

    Returns the new secret, which cannot be read again. Raises `SubscriptionNotFound`, `BadSubscription`,
    `HsmUnavailable`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    overlap = rules.check_overlap(overlap_hours)
    row = queries.get_subscription(vault_id=vault.pk, name=name)
    secret, sealed = _sealed_secret(grant, row)
    object_id, hours = f"webhooks/{name}", overlap_hours
    with recorded_change(grant.at(vault), Operation.WEBHOOK_SECRET_PUT, object_id=object_id, overlap_hours=hours):
        Subscription.objects.filter(pk=row.pk).update(changed=now)
        signing = Q(until__isnull=True) | Q(until__gt=now + overlap)
        SigningSecret.objects.filter(signing, subscription=row).update(until=now + overlap)
        SigningSecret.objects.filter(subscription=row, until__lt=now).delete()
        SigningSecret.objects.create(subscription=row, sealed=sealed, created=now)
    return secret


def request_validation(*, grant: Grant, vault: Vault, name: str, now: datetime) -> None:
    """Request another handshake from the event worker. Raises `SubscriptionNotFound`."""
    grant.require(Permission.VAULTS_UPDATE)
    row = queries.get_subscription(vault_id=vault.pk, name=name)
    with recorded_change(grant.at(vault), Operation.WEBHOOK_VALIDATE, object_id=f"webhooks/{name}"):
        Subscription.objects.filter(pk=row.pk).update(validation_requested=now)


def send_test(*, grant: Grant, vault: Vault, name: str, now: datetime) -> Delivery:
    """Request a delivery of a test event. Raises `SubscriptionNotFound`."""
    grant.require(Permission.VAULTS_UPDATE)
    row = queries.get_subscription(vault_id=vault.pk, name=name)
    with recorded_change(grant.at(vault), Operation.WEBHOOK_TEST, object_id=f"webhooks/{name}"):
        return Delivery.objects.create(
            subscription=row,
            event_type=EventType.SUBSCRIPTION_TESTED.value,
            object_id=uuid4(),  # so that it waits for no other delivery
            position=0,
            since=now,
            next_try=now,
            created=now,
        )


def redeliver(*, grant: Grant, vault: Vault, name: str, delivery_id: UUID | None = None, now: datetime) -> int:
    """Send again one delivery, or all that were given up. Returns the number of deliveries.

    Raises `SubscriptionNotFound`, `DeliveryNotFound`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    row = queries.get_subscription(vault_id=vault.pk, name=name)
    rows = Delivery.objects.filter(subscription=row)
    if delivery_id is None:
        rows = rows.filter(state=Delivery.State.DEAD)
    else:
        rows = rows.filter(pk=delivery_id).exclude(state=Delivery.State.PENDING)
    again = {"state": Delivery.State.PENDING, "attempts": 0, "since": now, "next_try": now, "done": None, "error": ""}
    operation, object_id = Operation.WEBHOOK_REDELIVER, f"webhooks/{name}"
    with recorded_change(grant.at(vault), operation, object_id=object_id) as record:
        count = record.detail["count"] = rows.update(**again)
        if not count and delivery_id is not None:
            raise queries.DeliveryNotFound("The webhook has no such delivery that has ended.")
    return count


def _check_room(vault: Vault, name: str) -> None:
    names = [row.name for row in queries.list_subscriptions(vault_id=vault.pk)]
    if name in names:
        raise SubscriptionExists(_taken(name))
    if len(names) >= rules.MOST_OF_A_VAULT:
        raise TooManySubscriptions(f"A vault has at most {rules.MOST_OF_A_VAULT} webhooks. Remove one first.")


def _forget_ended(row: Subscription) -> None:
    """Delete the deliveries that have ended, in short statements. One of a busy vault's millions would take too long.

    If they do not fit into the time of a request, the next request continues.
    """
    until = time.monotonic() + _ENDED_SECONDS
    while execute(_FORGET_ENDED, [row.pk, _AT_ONCE]) == _AT_ONCE and time.monotonic() < until:
        pass


def _sealed_secret(grant: Grant, row: Subscription) -> tuple[str, bytes]:
    """Make a signing secret, and seal it for the webhook."""
    secret = new_secret()
    fields = {"destination_id": row.pk.hex, "part": rules.SEALED_PART, "value": secret.encode()}
    return secret, client.call_as(grant, row.vault, "", "", SealDestination, **fields)


def _taken(name: str) -> str:
    return f"The vault has a webhook '{name}' already. Choose another name, or remove that one first."
