from datetime import timedelta
from typing import ClassVar

from django.db import models

from apps.core.ids import uuid7
from apps.core.job_queue import OPEN_STATES, QueuedJob

_MOST_COUNTED = 1000  # whatever the row says, the next number can be stored


class Job(QueuedJob):
    """One piece of HSM management. The row is the queue; a broker message only wakes a worker.

    A worker finishes it in the transaction that stores the effect. So a lost or repeated message, or a killed worker,
    changes nothing.
    """

    LEASE = timedelta(seconds=3)

    id = models.UUIDField(primary_key=True, default=uuid7)
    kind = models.CharField(max_length=32)  # the Celery task's name, e.g. hsm.generate_key
    world = models.CharField(max_length=24)
    subject_type = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    grant = models.JSONField()  # facts of the grant, for the outcome record: ids and names, nothing secret
    sent = models.DateTimeField()  # when workers were last notified
    attempts = models.PositiveSmallIntegerField(default=0)  # claims so far
    error = models.CharField(max_length=64, default="")
    message = models.TextField(default="")

    class Meta(QueuedJob.Meta):
        indexes: ClassVar = [
            models.Index(fields=["subject_id"]),  # who made this version?
            models.Index(fields=["sent"], name="job_open", condition=models.Q(state__in=OPEN_STATES)),
        ]

    def begin(self) -> tuple[str, ...]:
        """Count the attempt when it begins: a worker that ends in the middle has made one too."""
        self.attempts = min(self.attempts, _MOST_COUNTED) + 1
        return ("attempts",)
