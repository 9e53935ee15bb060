"""The tables of the audit log beside `audit_event`, which is partitioned by day and used in SQL (migration 0003).

A log is identified by its vault's id, the organisation's by zeroes, without foreign keys: it outlives the vault.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models

from apps.core.ids import uuid7


class DataKey(models.Model):
    """A key with which one writer encrypted bodies for one hour, itself encrypted to the audit token."""

    id = models.UUIDField(primary_key=True)
    sealing_key = models.BinaryField()  # fingerprint of the audit key that decrypts it
    sealed = models.BinaryField()
    mac = models.BinaryField()


class Leaf(models.Model):
    """A record's number in its log. Stays when retention deletes the record's body."""

    pk = models.CompositePrimaryKey("log_id", "seq")
    log_id = models.UUIDField()
    seq = models.BigIntegerField()
    event_id = models.UUIDField()
    hash = models.BinaryField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["event_id"], name="audit_one_place")]


class Log(models.Model):
    """The sequenced size of a log, and the right edge of its tree (RFC 6962)."""

    log_id = models.UUIDField(primary_key=True)
    size = models.BigIntegerField()
    frontier = models.BinaryField()  # 32 bytes for each complete subtree, largest first
    newest = models.DateTimeField()  # time of the newest record
    forgotten = models.BigIntegerField(default=0)  # records below this number were deleted by retention


class Tile(models.Model):
    """The root of a complete subtree of 256, 65 536 ... leaves, so that proofs need not read every leaf."""

    pk = models.CompositePrimaryKey("log_id", "height", "index")
    log_id = models.UUIDField()
    height = models.SmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField()


class Checkpoint(models.Model):
    """A signed statement of a log's size and root."""

    pk = models.CompositePrimaryKey("log_id", "size")
    log_id = models.UUIDField()
    size = models.BigIntegerField()
    note = models.TextField()
    at = models.DateTimeField()


class Cursor(models.Model):
    """The position of the sequencer in the order (transaction, id). One row."""

    id = models.SmallIntegerField(primary_key=True)
    xid = models.DecimalField(max_digits=20, decimal_places=0)  # an unsigned 64-bit number
    event_id = models.UUIDField()
    since = models.UUIDField()  # records up to this one were sequenced before the database was restored elsewhere


class Writer(models.Model):
    """The last number that a writer used in a log: its next number must follow."""

    pk = models.CompositePrimaryKey("writer", "log_id")
    writer = models.UUIDField()
    log_id = models.UUIDField()
    number = models.BigIntegerField()
    seen = models.DateTimeField()


class MinuteCount(models.Model):
    """Records of a log in one minute: the histogram above the explorer's table."""

    pk = models.CompositePrimaryKey("log_id", "minute")
    log_id = models.UUIDField()
    minute = models.DateTimeField()
    total = models.BigIntegerField()
    refused = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["minute"], name="audit_minute")]  # over all logs


class Verification(models.Model):
    """The position of the server's continuous verification in a log."""

    log_id = models.UUIDField(primary_key=True)
    reached = models.BigIntegerField(default=0)  # where the next step begins
    size = models.BigIntegerField(default=0)  # records that the last full round verified
    at = models.DateTimeField(null=True)  # when that round ended
    looked = models.DateTimeField()  # when the last step ended

    class Meta:
        indexes: ClassVar = [models.Index(fields=["looked"], name="audit_verification_looked")]


class Incident(models.Model):
    """A problem that the sequencer or a verification found, or what an HSM worker refused. Never deleted."""

    ALTERED_KEY = "altered-key"
    REFUSED_JOB = "refused-job"
    NOT_OF_RECORDS = (ALTERED_KEY, REFUSED_JOB)  # they say nothing against the records

    id = models.UUIDField(primary_key=True, default=uuid7)
    found = models.DateTimeField()
    log_id = models.UUIDField()
    seq = models.BigIntegerField(null=True)
    event_id = models.UUIDField(null=True)
    problem = models.TextField()
    sentence = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["log_id", "seq", "event_id", "problem", "sentence"],
                name="audit_incident_once",
                nulls_distinct=False,
            )
        ]

    @classmethod
    def report(
        cls,
        *,
        log_id: UUID,
        problem: str,
        sentence: str,
        now: datetime,
        seq: int | None = None,
        event_id: UUID | None = None,
    ) -> None:
        """Store a problem, unless it is stored already."""
        cls.objects.get_or_create(
            log_id=log_id,
            seq=seq,
            event_id=event_id,
            problem=problem,
            sentence=sentence,
            defaults={"found": now},
        )


class AuditKey(models.Model):
    """A key in the audit token: one decrypts data keys, one signs checkpoints. Retired keys still decrypt."""

    class Purpose(models.TextChoices):
        SEALING = "sealing"
        SIGNING = "signing"

    id = models.UUIDField(primary_key=True, default=uuid7)
    purpose = models.TextField(choices=Purpose.choices)
    protected_id = models.UUIDField()  # security_worlds.ProtectedKey, in a higher layer
    public_key = models.BinaryField()  # SubjectPublicKeyInfo, DER
    created = models.DateTimeField()
    retired = models.DateTimeField(null=True)
