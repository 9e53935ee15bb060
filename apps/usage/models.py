from typing import ClassVar

from django.db import models

from apps.core.models import UuidModel


class UseCount(UuidModel):
    """Uses of an object version by one caller and operation, with first and last time: no address, no request."""

    caller_id = models.UUIDField()
    caller = models.TextField()  # as the record names it
    vault_id = models.UUIDField()
    object_id = models.TextField()  # keys/<name>[/<version>]
    operation = models.TextField()
    done = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    # Succeeded during a rehearsal of the version's retirement; counted in `done` too.
    would_fail = models.BigIntegerField(default=0, db_default=0)
    first = models.DateTimeField()
    last = models.DateTimeField()

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["vault_id", "object_id", "operation", "caller_id"], name="one_use_count")
        ]
        indexes: ClassVar = [
            models.Index(fields=["caller_id", "-last"]),
            models.Index(fields=["last"]),
            models.Index(fields=["first"]),
            # For the sweep of each minute, which would otherwise read all the others too, and those stay indefinitely.
            models.Index(fields=["caller_id", "-last", "id"], condition=models.Q(done=0), name="usage_in_vain"),
        ]


class HourCount(UuidModel):
    """Operations and denials of a caller in one hour, over all vaults, to compare with its usual ones."""

    caller_id = models.UUIDField()
    caller = models.TextField()
    hour = models.DateTimeField()
    done = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["hour", "caller_id"], name="one_hour_count")]
        indexes: ClassVar = [models.Index(fields=["caller_id", "hour"])]


class Denial(UuidModel):
    """A denied request, for the owner of its caller to understand. Kept for a week; the record is in the audit log.

    `caller_id` is null for an unknown caller; `claimed` is the client id that the caller named, believed or
    not. `limit` and `wait`: of a throttled request, how many are allowed in ten seconds, and the seconds to wait.
    """

    at = models.DateTimeField()
    request_id = models.UUIDField()
    caller_id = models.UUIDField(null=True)
    vault_id = models.UUIDField(null=True)
    vault_name = models.TextField()
    object_id = models.TextField()
    operation = models.TextField()
    permission = models.TextField()  # "" where none was missing
    status = models.PositiveSmallIntegerField()
    reason = models.TextField()  # the error's name or code, never its sentence
    claimed = models.UUIDField(null=True)
    limit = models.PositiveIntegerField(default=0, db_default=0)
    wait = models.PositiveIntegerField(default=0, db_default=0)

    class Meta(UuidModel.Meta):
        db_table = "usage_refusal"  # its name before the model's was changed
        indexes: ClassVar = [
            models.Index(fields=["request_id"]),
            models.Index(fields=["caller_id", "-at"]),
            models.Index(
                fields=["claimed", "reason", "-at"],
                condition=models.Q(claimed__isnull=False),
                name="usage_refusal_claimed",
            ),
            models.Index(fields=["at"]),
        ]


class MinuteCount(UuidModel):
    """Operations of a vault in one minute: done, refused (4xx) and failed (5xx)."""

    vault_id = models.UUIDField()
    minute = models.DateTimeField()
    done = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["minute", "vault_id"], name="one_minute_count")]
