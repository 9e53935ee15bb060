"""The only rows that auditors write: long tasks that they requested, reviews and attestations."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.core.ids import uuid7
from apps.core.job_queue import OPEN_STATES, QueuedJob
from apps.core.models import PlainModel, UuidModel


class Task(QueuedJob):
    """A verification of a log, an evidence pack, or a rollover certificate. The next worker continues a killed one's.

    It covers the records from `first` to before `last` of one log; `done` of them are processed.
    """

    LEASE = timedelta(seconds=15)

    class Kind(models.TextChoices):
        CHECK = "check"
        PACK = "pack"
        ROLLOVER = "roll"  # a rollover certificate; `result` names the rollover and the key, later it is the document

    id = models.UUIDField(primary_key=True, default=uuid7)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    log_id = models.UUIDField()
    vault_name = models.CharField(max_length=24)  # "organisation" for the log of what concerns no vault
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    first = models.BigIntegerField(default=0)
    last = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    asked_by_id = models.UUIDField()
    asked_by = models.CharField(max_length=150)
    started = models.DateTimeField(null=True)
    doing = models.CharField(max_length=300, default="")  # the current step, or why it failed
    result = models.JSONField(default=dict)

    class Meta(QueuedJob.Meta):
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(fields=["created"], name="task_open", condition=Q(state__in=OPEN_STATES)),
            models.Index(fields=["kind", "-created"], name="task_latest"),
        ]
        constraints: ClassVar = [
            *QueuedJob.Meta.constraints,
            models.CheckConstraint(condition=Q(kind__in=["check", "pack", "roll"]), name="task_kind"),
        ]

    @property
    def total(self) -> int:
        """The number of records that it covers; 0 while that is not known."""
        return max(0, self.last - self.first)

    @property
    def has_file(self) -> bool:
        """True for a finished pack that can be downloaded: it has not expired and was not given up."""
        return bool(self.result.get("file")) and not self.result.get("given_up")

    def rate(self, now: datetime) -> float:
        """Records per second since it was started."""
        seconds = ((self.finished or now) - (self.started or now)) / timedelta(seconds=1)
        return self.done / seconds if seconds > 0 else 0.0

    def seconds_left(self, now: datetime) -> float | None:
        rate = self.rate(now)
        return (self.total - self.done) / rate if rate and self.is_open else None


class Review(UuidModel):
    """The judgement of an auditor on one item of the review queue. Never changed: a second opinion is a second row."""

    class Verdict(models.TextChoices):
        OK = "ok", "in order"
        ESCALATED = "escalated", "escalated"

    item = models.CharField(max_length=200)  # which finding of which rule: apps/audit_reader/reviews.py
    period = models.DateField()  # the first day of the campaign that it belongs to
    title = models.CharField(max_length=300)  # as it read when it was signed
    verdict = models.CharField(max_length=9, choices=Verdict.choices)
    note = models.CharField(max_length=1000, blank=True)
    reviewer_id = models.UUIDField()
    reviewer = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta(UuidModel.Meta):
        indexes: ClassVar = [models.Index(fields=["period", "item"], name="review_item")]


class Attestation(UuidModel):
    """An auditor's word that the access to a vault was as it should be: for exactly these assignments."""

    vault_id = models.UUIDField()
    assignments = models.PositiveIntegerField()
    unused = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)  # SHA-256 of the assignments, canonical JSON
    facts = models.JSONField(null=True)  # these assignments; null: attested before they were kept
    note = models.CharField(max_length=1000, blank=True)
    attested_by_id = models.UUIDField()
    attested_by = models.CharField(max_length=150)
    at = models.DateTimeField()

    class Meta(UuidModel.Meta):
        indexes: ClassVar = [models.Index(fields=["vault_id", "-at"], name="attestation_latest")]


class UnrecordedChange(PlainModel):
    """A change without an audit record in its transaction. Written by triggers alone (migration 0003)."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_index=True)
    relation = models.CharField(max_length=63)  # the table
    row_id = models.CharField(max_length=64)
    act = models.CharField(max_length=6)  # insert or update
    role = models.CharField(max_length=63)  # of the database, that connected
