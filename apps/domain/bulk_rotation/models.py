from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.core.models import UuidModel
from apps.domain.vaults.models import Vault


class Rollover(UuidModel):
    """New versions for one key or many keys of a vault. All progress is in the rows: a killed process loses nothing.

    A bulk rotation ends with the new versions. A staged rollover also announces them, observes who still uses the old
    versions, and retires these. An emergency rollover disables the old version when it starts.
    """

    class Kind(models.TextChoices):
        BULK = "bulk"
        STAGED = "staged"
        EMERGENCY = "emergency"

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        CANCELLED = "cancelled"
        DONE = "done"

    vault = models.ForeignKey(Vault, on_delete=models.PROTECT)
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.BULK, db_default=Kind.BULK)
    reason = models.CharField(max_length=300)
    begun_by_id = models.UUIDField()
    begun_by = models.CharField(max_length=300)
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    total = models.PositiveIntegerField(default=0)
    quiet_days = models.PositiveSmallIntegerField(default=0, db_default=0)  # staged: days without a call
    automatic = models.BooleanField(default=False, db_default=False)  # staged: retire without a request what has moved
    starts = models.DateTimeField(null=True)  # no new version before this time
    due = models.DateTimeField(null=True)  # the runner looks at it from this time on; null: at once
    created = models.DateTimeField()
    finished = models.DateTimeField(null=True)  # when the last of its keys was settled

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["vault"],
                condition=Q(finished__isnull=True, kind="bulk"),
                name="one_open_bulk_rotation_of_a_vault",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["-created"])]

    def is_scheduled(self, now: datetime) -> bool:
        """Whether its start is still to come."""
        return self.starts is not None and now < self.starts


class RolloverKey(UuidModel):
    """One key of a rollover. A key of a bulk rotation ends as `done`, one of another rollover as `retired`."""

    class State(models.TextChoices):
        WAITING = "waiting"
        BEGUN = "begun"
        DONE = "done"
        CREATED = "created"  # the new version is to be announced
        OBSERVING = "observing"  # a consumer of the old version has not moved
        MOVED = "moved"  # all consumers have moved
        RETIRED = "retired"  # the old version is disabled
        FAILED = "failed"
        LEFT = "left"  # cancelled before it was started, or it no longer needs a new version

    OPEN: ClassVar = ("waiting", "begun", "created", "observing", "moved")

    rollover = models.ForeignKey(Rollover, on_delete=models.CASCADE)
    key_id = models.UUIDField()  # no foreign key: a key may be purged in the meantime
    name = models.CharField(max_length=127)
    old_version = models.CharField(max_length=32, default="", db_default="")
    new_version = models.CharField(max_length=32, default="", db_default="")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    job_id = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=300, default="")
    announced = models.DateTimeField(null=True)
    rehearsed_from = models.DateTimeField(null=True)  # of the last rehearsal
    rehearsed_until = models.DateTimeField(null=True)
    retired = models.DateTimeField(null=True)
    released = models.BooleanField(default=False, db_default=False)  # a person requested the retirement
    overridden = models.BooleanField(default=False, db_default=False)  # retire it even if a consumer has not moved
    changed = models.DateTimeField(null=True)

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["key_id"],
                condition=Q(state__in=["waiting", "begun", "created", "observing", "moved"]),
                name="one_open_rollover_of_a_key",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["rollover", "state", "id"]),
            models.Index(fields=["rollover", "-changed"]),
            models.Index(fields=["key_id"]),
        ]
