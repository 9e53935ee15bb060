from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.core.models import UuidModel
from apps.domain.vaults.models import Vault


class Rollover(UuidModel):
    """The rotation of many keys of one vault. All progress is in the rows, so a killed process loses nothing."""

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        CANCELLED = "cancelled"
        DONE = "done"

    vault = models.ForeignKey(Vault, on_delete=models.PROTECT)
    reason = models.CharField(max_length=300)
    begun_by_id = models.UUIDField()
    begun_by = models.CharField(max_length=300)
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    total = models.PositiveIntegerField(default=0)
    created = models.DateTimeField()
    finished = models.DateTimeField(null=True)  # when the last of its keys was settled

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["vault"], condition=Q(finished__isnull=True), name="one_open_rollover_of_a_vault"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["-created"])]


class RolloverKey(UuidModel):
    """One key of a bulk rotation."""

    class State(models.TextChoices):
        WAITING = "waiting"
        BEGUN = "begun"
        DONE = "done"
        FAILED = "failed"
        LEFT = "left"  # cancelled before it was started, or it no longer needs a new version

    rollover = models.ForeignKey(Rollover, on_delete=models.CASCADE)
    key_id = models.UUIDField()  # no foreign key: a key may be purged in the meantime
    name = models.CharField(max_length=127)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    job_id = models.UUIDField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    message = models.CharField(max_length=300, default="")
    changed = models.DateTimeField(null=True)

    class Meta(UuidModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["rollover", "state", "id"]),
            models.Index(fields=["rollover", "-changed"]),
            models.Index(fields=["key_id"]),
        ]
