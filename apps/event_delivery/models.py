"""Webhooks of vaults, and the deliveries of events to them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.core.models import UuidModel
from apps.domain.vaults.models import Vault


class Subscription(UuidModel):
    """A webhook that gets the events of a vault.

    The web process writes the settings, and only the event worker writes what follows `handshake`.
    """

    class Schema(models.TextChoices):
        CLOUD_EVENTS = "cloudevents", "CloudEvents 1.0"
        EVENT_GRID = "eventgrid", "Event Grid"

    vault = models.ForeignKey(Vault, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=64)
    url = models.TextField()
    ca_pem = models.TextField(default="")  # the authority of the receiver's certificate; "": the public ones
    schema = models.CharField(max_length=11, choices=Schema.choices)
    types = models.JSONField(default=list)  # names of types of events; []: all types
    created = models.DateTimeField()
    changed = models.DateTimeField()  # of the secrets; a process that has opened them compares it
    validation_requested = models.DateTimeField()  # a handshake is due while `handshake` is earlier

    handshake = models.DateTimeField(null=True)  # the last one that was tried
    valid = models.BooleanField(default=False)  # the receiver wants events: only then are any sent
    position = models.BigIntegerField()  # of the last event for which a delivery was added, if it needed one
    claim = models.UUIDField(null=True)  # of the task that delivers
    leased_until = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)  # in a row
    next_try = models.DateTimeField(null=True)
    slow = models.BooleanField(default=False)  # the last answer took more than a second
    error = models.TextField(default="")
    last_delivered = models.DateTimeField(null=True)

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["vault", "name"], name="subscription_name"),
            models.CheckConstraint(condition=Q(schema__in=["cloudevents", "eventgrid"]), name="subscription_schema"),
        ]


class SigningSecret(UuidModel):
    """A secret that signs the messages to a webhook. Only the HSM worker's database role can read `sealed`."""

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="secrets")
    sealed = models.BinaryField()  # under the vault's key
    created = models.DateTimeField()
    until = models.DateTimeField(null=True)  # null: it is the current one


class Delivery(UuidModel):
    """One event for one webhook. Pending deliveries of one object are sent in the order of their positions."""

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        DEAD = "dead"  # given up; a person can request it again

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField(null=True)  # null: a test
    event_type = models.CharField(max_length=64)
    object_id = models.UUIDField()  # deliveries of one object are sent in order
    object_name = models.CharField(max_length=127)
    position = models.BigIntegerField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    attempts = models.IntegerField(default=0)
    since = models.DateTimeField()  # when it was first due, or was last requested again
    next_try = models.DateTimeField()
    status = models.IntegerField(null=True)  # of the last answer; null: there was none
    error = models.TextField(default="")
    done = models.DateTimeField(null=True)
    created = models.DateTimeField()

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subscription", "event_id"], name="one_delivery"),
            models.CheckConstraint(condition=Q(state__in=["pending", "delivered", "dead"]), name="delivery_state"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["subscription", "position"], condition=Q(state="pending"), name="delivery_pending"),
            models.Index(F("subscription"), F("created").desc(), name="delivery_newest"),
            models.Index(F("subscription"), F("created").desc(), condition=Q(state="dead"), name="delivery_dead"),
            models.Index(fields=["created"], name="delivery_created"),
        ]
