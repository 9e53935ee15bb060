"""The management API for a vault's webhooks and the deliveries to them."""

from typing import Any

from rest_framework import serializers
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.event_delivery import operations, queries
from apps.event_delivery.models import Delivery, Subscription
from apps.event_delivery.rules import LONGEST_OVERLAP, OVERLAP
from apps.interfaces.management_api.base import NO_STORE, VaultResource, endpoint

_HOURS = 3600


class NewWebhookSerializer(serializers.Serializer[Any]):
    """A webhook to add."""

    name = serializers.CharField(max_length=64)
    url = serializers.CharField(max_length=1024, help_text="https, at a public address")
    schema = serializers.ChoiceField(choices=Subscription.Schema.choices, default=Subscription.Schema.CLOUD_EVENTS)
    types = serializers.ListField(
        child=serializers.CharField(max_length=64), default=list, max_length=32, help_text="of events; empty: all"
    )
    ca_pem = serializers.CharField(
        max_length=32 * 1024, default="", allow_blank=True, help_text="authority of the receiver's certificate, in PEM"
    )


class WebhookSerializer(serializers.Serializer[Any]):
    """A webhook and its state."""

    name = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True)
    schema = serializers.CharField(read_only=True)
    types = serializers.ListField(read_only=True, help_text="empty: all")
    valid = serializers.BooleanField(read_only=True, help_text="the receiver has answered the handshake")
    handshake = serializers.DateTimeField(read_only=True, help_text="when it was last tried; null: not yet")
    pending = serializers.IntegerField(read_only=True, help_text="deliveries to come; up to 10 000 are counted")
    dead = serializers.IntegerField(read_only=True, help_text="deliveries that were given up, likewise")
    failures = serializers.IntegerField(read_only=True, help_text="in a row")
    next_try = serializers.DateTimeField(read_only=True, help_text="until then nothing is sent; null: it does not rest")
    error = serializers.CharField(read_only=True, help_text="what to do")
    last_delivered = serializers.DateTimeField(read_only=True)
    created = serializers.DateTimeField(read_only=True)


class WebhookSecretSerializer(serializers.Serializer[Any]):
    """A signing secret, shown once."""

    name = serializers.CharField(read_only=True)
    secret = serializers.CharField(read_only=True, help_text="whsec_…, shown this once")


class NewSecretSerializer(serializers.Serializer[Any]):
    overlap_hours = serializers.IntegerField(
        min_value=0,
        max_value=int(LONGEST_OVERLAP.total_seconds()) // _HOURS,
        default=int(OVERLAP.total_seconds()) // _HOURS,
        help_text="for which the earlier secret signs too",
    )


class DeliverySerializer(serializers.Serializer[Any]):
    """One event for one webhook."""

    id = serializers.UUIDField(read_only=True)
    event_id = serializers.UUIDField(read_only=True, help_text="null: a test, whose event has the id of the delivery")
    event_type = serializers.CharField(read_only=True)
    object_name = serializers.CharField(read_only=True)
    state = serializers.CharField(read_only=True, help_text="pending, delivered, dead")
    attempts = serializers.IntegerField(read_only=True)
    status = serializers.IntegerField(read_only=True, help_text="of the last answer; null: there was none")
    error = serializers.CharField(read_only=True)
    created = serializers.DateTimeField(read_only=True)
    next_try = serializers.DateTimeField(read_only=True)
    done = serializers.DateTimeField(read_only=True)


class DeliveryFilterSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=Delivery.State.choices, required=False)


class RedeliverySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(required=False, help_text="of one delivery; left out: all that were given up")


class CountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(read_only=True)


class Webhooks(VaultResource):
    """The webhooks of a vault, for security operations."""

    @endpoint(Operation.WEBHOOK_LIST, Permission.VAULTS_UPDATE, lists=WebhookSerializer)
    def list(self) -> Any:
        """List the webhooks."""
        return queries.list_subscriptions(vault_id=self.vault.pk)

    @endpoint(
        Operation.WEBHOOK_PUT,
        Permission.VAULTS_UPDATE,
        takes=NewWebhookSerializer,
        creates=WebhookSecretSerializer,
        reauth=True,
        uses_objects=True,
        headers=NO_STORE,
    )
    def create(self) -> Any:
        """Add a webhook. It gets events once its receiver has answered the handshake."""
        row, secret = operations.create(grant=self.grant, vault=self.vault, now=now(), **self.data)
        return {"name": row.name, "secret": secret}

    @endpoint(Operation.WEBHOOK_LIST, Permission.VAULTS_UPDATE, returns=WebhookSerializer)
    def retrieve(self) -> Any:
        """Read a webhook and its state."""
        return queries.get_subscription(vault_id=self.vault.pk, name=self.kwargs["webhook"])

    @endpoint(Operation.WEBHOOK_DELETE, Permission.VAULTS_UPDATE, reauth=True)
    def destroy(self) -> None:
        """Remove a webhook with all deliveries to it."""
        operations.delete(grant=self.grant, vault=self.vault, name=self.kwargs["webhook"])

    @endpoint(
        Operation.WEBHOOK_SECRET_PUT,
        Permission.VAULTS_UPDATE,
        takes=NewSecretSerializer,
        returns=WebhookSecretSerializer,
        reauth=True,
        uses_objects=True,
        headers=NO_STORE,
    )
    def rotate_secret(self) -> Any:
        """Replace the signing secret. Messages have a signature by each secret during the overlap."""
        name = self.kwargs["webhook"]
        secret = operations.rotate_secret(grant=self.grant, vault=self.vault, name=name, now=now(), **self.data)
        return {"name": name, "secret": secret}

    @endpoint(Operation.WEBHOOK_VALIDATE, Permission.VAULTS_UPDATE, status=202)
    def validate(self) -> Any:
        """Do the handshake again."""
        operations.request_validation(grant=self.grant, vault=self.vault, name=self.kwargs["webhook"], now=now())
        return Response(status=202)

    @endpoint(Operation.WEBHOOK_TEST, Permission.VAULTS_UPDATE, returns=DeliverySerializer, status=202)
    def send_test(self) -> Any:
        """Send a test event."""
        return operations.send_test(grant=self.grant, vault=self.vault, name=self.kwargs["webhook"], now=now())

    @endpoint(
        Operation.WEBHOOK_LIST, Permission.VAULTS_UPDATE, takes=DeliveryFilterSerializer, lists=DeliverySerializer
    )
    def list_deliveries(self) -> Any:
        """List the newest deliveries, at most 200."""
        row = queries.get_subscription(vault_id=self.vault.pk, name=self.kwargs["webhook"])
        return queries.list_deliveries(subscription=row, state=self.data.get("state", ""))

    @endpoint(
        Operation.WEBHOOK_REDELIVER,
        Permission.VAULTS_UPDATE,
        takes=RedeliverySerializer,
        returns=CountSerializer,
        status=202,
    )
    def redeliver(self) -> Any:
        """Deliver one event again, or all that were given up."""
        count = operations.redeliver(
            grant=self.grant,
            vault=self.vault,
            name=self.kwargs["webhook"],
            delivery_id=self.data.get("id"),
            now=now(),
        )
        return {"count": count}
