"""The log of events. New events are first in the table `events_pending`, the outbox (migration 0002)."""

from typing import ClassVar

from django.db import models

from apps.core.models import PlainModel, UuidModel


class Event(UuidModel):
    """An event in the log. Only the database function `events_number()` adds rows, from the outbox; rows never change.

    Vaults and objects are named without foreign keys, because an event outlives them.
    """

    vault_id = models.UUIDField()
    position = models.BigIntegerField()  # 1, 2, 3 … within the vault, in the order in which readers see them
    type = models.CharField(max_length=64)
    object_type = models.CharField(max_length=11)  # "": the vault
    object_id = models.UUIDField()
    object_name = models.CharField(max_length=127)
    version = models.CharField(max_length=32)
    not_before = models.DateTimeField(null=True)
    expires = models.DateTimeField(null=True)
    data = models.JSONField(null=True)  # members of `data` beyond Azure's
    at = models.DateTimeField()  # of the change
    stored = models.DateTimeField()  # when it was numbered, by the database's clock

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["vault_id", "position"], name="event_position")]
        indexes: ClassVar = [models.Index(fields=["stored"], name="event_stored")]


class VaultPosition(PlainModel):
    """The position of a vault's last event."""

    vault_id = models.UUIDField(primary_key=True)
    last = models.BigIntegerField()


class ExpiryNotice(PlainModel):
    """A note that the event about an expiry was written. If the expiry of a version changes, it gets another note."""

    pk = models.CompositePrimaryKey("version_id", "type", "expires")
    version_id = models.UUIDField()
    type = models.CharField(max_length=64)
    expires = models.DateTimeField()


class Acknowledgement(UuidModel):
    """An application's statement that it now uses this version of an object; a repeated statement replaces it."""

    vault_id = models.UUIDField()
    object_type = models.CharField(max_length=11)
    object_id = models.UUIDField()
    object_name = models.CharField(max_length=127)
    version = models.CharField(max_length=32)
    principal_id = models.UUIDField()
    client_id = models.CharField(max_length=36)
    at = models.DateTimeField()

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["object_id", "version", "principal_id"], name="one_acknowledgement")
        ]
