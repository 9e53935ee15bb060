from typing import ClassVar

from django.db import models

from apps.core.ids import uuid7


class Job(models.Model):
    """One piece of HSM management. The row is the truth; a broker message merely says that it is there.

    A worker claims it with a conditional update and a lease that it renews while it works, and finishes it in the
    transaction that stores the effect. So a lost or doubled message, or a killed worker, changes nothing.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid7)
    kind = models.CharField(max_length=32)  # the Celery task's name, e.g. hsm.generate_key
    world = models.CharField(max_length=24)
    subject_type = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    grant = models.JSONField()  # facts of the grant, for the outcome record: ids and names, nothing secret
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    claim = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    sent = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=64, default="")
    message = models.TextField(default="")
    created = models.DateTimeField()
    finished = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["subject_id"]),  # who made this version?
            models.Index(fields=["sent"], name="job_open", condition=models.Q(state__in=["queued", "running"])),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "running", "done", "failed", "cancelled"]), name="job_state"
            ),
        ]
