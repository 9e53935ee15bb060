from typing import ClassVar

from django.db import models

from apps.core.ids import uuid7


class UseCount(models.Model):
    """How often a caller did an operation on an object version, and last when. Counts only: no address, no request."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    caller_id = models.UUIDField()
    caller = models.TextField()  # as the record names it
    vault_id = models.UUIDField()
    object_id = models.TextField()  # keys/<name>[/<version>]
    operation = models.TextField()
    done = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    first = models.DateTimeField()
    last = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["vault_id", "object_id", "operation", "caller_id"], name="one_use_count")
        ]
        indexes: ClassVar = [
            models.Index(fields=["caller_id", "-last"]),
            models.Index(fields=["last"]),
            models.Index(fields=["first"]),
        ]


class HourCount(models.Model):
    """What a caller did and was refused in one hour, over all vaults: against what it usually does."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    caller_id = models.UUIDField()
    caller = models.TextField()
    hour = models.DateTimeField()
    done = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["hour", "caller_id"], name="one_hour_count")]
        indexes: ClassVar = [models.Index(fields=["caller_id", "hour"])]


class MinuteCount(models.Model):
    """Operations of a vault in one minute: done, refused (4xx) and failed (5xx)."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    vault_id = models.UUIDField()
    minute = models.DateTimeField()
    done = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [models.UniqueConstraint(fields=["minute", "vault_id"], name="one_minute_count")]
