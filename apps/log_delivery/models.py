from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.core.models import PlainModel, UuidModel
from apps.domain.vaults.models import Vault


class _WithoutSealed(models.Manager["LogDestination"]):
    """Defers the encrypted columns, which only the HSM worker may read (`whole`)."""

    def get_queryset(self) -> models.QuerySet["LogDestination"]:
        return super().get_queryset().defer("sealed", "sealed_secret")


class LogDestination(UuidModel):
    """The log destination of a vault. The database roles of the web and of auditors cannot read `sealed`."""

    class Kind(models.TextChoices):
        DIRECTORY = "directory", "Directory"
        S3 = "s3", "S3"
        AZURE_BLOB = "azure-blob", "Azure Blob Storage"
        SYSLOG = "syslog", "Syslog over TLS"
        WEBHOOK = "webhook", "HTTPS webhook"

    class OnFull(models.TextChoices):
        FAIL_CLOSED = "fail-closed", "Stop serving"
        GO_ON = "go-on", "Go on"

    vault = models.OneToOneField(Vault, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    config = models.JSONField()  # apps/log_delivery/rules.py; never a credential
    sealed = models.BinaryField(default=bytes)  # credentials, AES-GCM under the vault key; empty: there are none
    sealed_secret = models.BinaryField()  # the secret for the data keys of encrypted segments, encrypted likewise
    credential_names = models.JSONField(default=list)
    public_key = models.TextField(default="")  # PEM; segments are encrypted to it
    on_full = models.CharField(max_length=11, choices=OnFull.choices, default=OnFull.GO_ON)
    created = models.DateTimeField()
    changed = models.DateTimeField()  # a process with an open connection compares this
    tested = models.DateTimeField(null=True)  # the last requested test
    test_done = models.DateTimeField(null=True)
    test_error = models.TextField(default="")

    objects = _WithoutSealed()
    whole = models.Manager["LogDestination"]()

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=["directory", "s3", "azure-blob", "syslog", "webhook"]), name="destination_kind"
            ),
            models.CheckConstraint(condition=Q(on_full__in=["fail-closed", "go-on"]), name="destination_on_full"),
        ]


class DeliveryState(PlainModel):
    """The state of a delivery: written by the delivery process after the storage has confirmed."""

    class State(models.TextChoices):
        WAITING = "waiting"  # nothing is delivered yet
        DELIVERING = "delivering"
        FAILING = "failing"

    destination = models.OneToOneField(LogDestination, on_delete=models.CASCADE, primary_key=True, related_name="state")
    first = models.BigIntegerField(default=0)  # where the storage's copy begins
    delivered = models.BigIntegerField(default=0)  # number of records that are delivered, or need not be
    previous = models.CharField(max_length=64, default="")  # SHA-256 of the last manifest
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    last_object = models.TextField(default="")
    last_delivered = models.DateTimeField(null=True)
    waiting_since = models.DateTimeField(null=True)  # the oldest undelivered record; null: none
    error = models.TextField(default="")
    failing_since = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)
    next_try = models.DateTimeField(null=True)


class DeliveredSegment(UuidModel):
    """One delivered segment; a replay makes the same bytes again."""

    destination = models.ForeignKey(LogDestination, on_delete=models.CASCADE, related_name="segments")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    head = models.BinaryField(default=bytes)  # of an encrypted segment: its key, encrypted to the owner
    vault_name = models.CharField(max_length=24)
    previous = models.CharField(max_length=64)
    manifest_sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    oldest = models.DateTimeField()  # when its first record was made
    delivered = models.DateTimeField(null=True)  # null: started, and perhaps not stored

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["destination", "first"], name="segment_once"),
            models.CheckConstraint(condition=Q(last__gte=models.F("first")), name="segment_range"),
        ]


class Replay(UuidModel):
    """The request to deliver a range again."""

    class State(models.TextChoices):
        QUEUED = "queued"
        DONE = "done"
        FAILED = "failed"

    destination = models.ForeignKey(LogDestination, on_delete=models.CASCADE, related_name="replays")
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    next = models.BigIntegerField()  # the first record that is not delivered again yet
    state = models.CharField(max_length=6, choices=State.choices, default=State.QUEUED)
    error = models.TextField(default="")
    requested_by = models.CharField(max_length=300)
    created = models.DateTimeField()
    finished = models.DateTimeField(null=True)

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(last__gte=models.F("first"), first__gte=0), name="replay_range"),
        ]


class LogRetention(PlainModel):
    """The retention of a vault's records; without a row, they are kept indefinitely."""

    vault = models.OneToOneField(Vault, on_delete=models.PROTECT, primary_key=True, related_name="+")
    days = models.PositiveIntegerField(null=True)  # null: indefinitely
    changed = models.DateTimeField()

    class Meta(PlainModel.Meta):
        constraints: ClassVar = [
            # The limit of apps/log_delivery/rules.py: a number of days without a date would stop the deletion.
            models.CheckConstraint(condition=Q(days__lte=3660), name="retention_has_a_date"),
        ]
