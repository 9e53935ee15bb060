from typing import ClassVar

from django.db import models

from apps.core.models import PlainModel, UuidModel
from apps.domain.security_worlds.models import ProtectedKey
from apps.domain.vaults.models import Vault, VaultObject


class Key(VaultObject):
    """A named series of versions. `current` is the one used when none is named; without one the key is not visible."""

    current = models.ForeignKey("KeyVersion", on_delete=models.PROTECT, null=True, related_name="+")


class KeyVersion(UuidModel):
    """One version of a key. Its type and size never change; its attributes may."""

    class State(models.TextChoices):
        PENDING = "pending"  # not created yet: invisible to callers
        READY = "ready"
        FAILED = "failed"

    key = models.ForeignKey(Key, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=32)
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    protected = models.OneToOneField(ProtectedKey, on_delete=models.PROTECT, null=True)
    custody = models.CharField(max_length=8)
    key_type = models.CharField(max_length=3)
    parameter = models.CharField(max_length=16)
    public_exponent = models.IntegerField(default=65537)  # RSA: as requested from the HSM
    operations = models.JSONField()  # JWK key_ops in the caller's order
    exportable = models.BooleanField(default=False)
    release_policy = models.JSONField(null=True)  # {"contentType", "data", "immutable"}; null: none
    enabled = models.BooleanField(default=True)
    not_before = models.DateTimeField(null=True)
    expires = models.DateTimeField(null=True)
    tags = models.JSONField(default=dict)
    # Of a rehearsal: until when uses are reported as such that would fail, and how many of a hundred are refused.
    rehearsed_until = models.DateTimeField(null=True)
    refused_until = models.DateTimeField(null=True)
    refused_percent = models.PositiveSmallIntegerField(default=0, db_default=0)
    created = models.DateTimeField()
    updated = models.DateTimeField()

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "version"], name="key_version_unique"),
            models.CheckConstraint(
                condition=~models.Q(state="ready") | models.Q(protected__isnull=False), name="ready_version_has_its_key"
            ),
        ]

    @property
    def hardware(self) -> bool:
        """Whether the key is used inside the HSM only."""
        return self.custody == "wrapped"


class RotationPolicy(PlainModel):
    """The automatic rotation of a key. The durations are ISO 8601 texts, which PostgreSQL reads as intervals.

    `rotated_for` and `notified_for` name the version that the action was carried out for: once each, even with
    several schedulers. The scheduler plans first: `rotation_due` and `notice_due` are dates of `KeySchedule` for the
    version, expiry and policy that the `planned_` columns name, and count as long as these are the present ones.
    """

    key = models.OneToOneField(Key, on_delete=models.CASCADE, primary_key=True, related_name="rotation_policy")
    expiry_time = models.CharField(max_length=32, default="")
    rotate_after_create = models.CharField(max_length=32, default="")
    rotate_before_expiry = models.CharField(max_length=32, default="")
    notify_before_expiry = models.CharField(max_length=32, default="")
    inherited = models.BooleanField(default=False, db_default=False)  # from the vault's default, which it follows
    created = models.DateTimeField()
    updated = models.DateTimeField()
    rotated_for = models.UUIDField(null=True)
    rotated_at = models.DateTimeField(null=True)
    notified_for = models.UUIDField(null=True)
    rotation_due = models.DateTimeField(null=True)
    notice_due = models.DateTimeField(null=True)
    planned_for = models.UUIDField(null=True)  # version
    planned_enabled = models.BooleanField(null=True)
    planned_expires = models.DateTimeField(null=True)
    planned_policy = models.DateTimeField(null=True)  # its `updated`


class DefaultRotationPolicy(PlainModel):
    """What new keys of a vault inherit. Durations as in `RotationPolicy`."""

    vault = models.OneToOneField(Vault, on_delete=models.PROTECT, primary_key=True, related_name="+")
    expiry_time = models.CharField(max_length=32, default="")
    rotate_after_create = models.CharField(max_length=32, default="")
    rotate_before_expiry = models.CharField(max_length=32, default="")
    notify_before_expiry = models.CharField(max_length=32, default="")
    updated = models.DateTimeField()
