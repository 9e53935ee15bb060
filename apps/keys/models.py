from typing import ClassVar

from django.db import models

from apps.access.roles import ROLES
from apps.core.ids import uuid7
from apps.vaults.models import Vault
from apps.worlds.models import ProtectedKey


class Key(models.Model):
    """A named series of versions. `current` is the one used when none is named; without one the key is not there."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    vault = models.ForeignKey(Vault, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=127)  # as first written
    folded_name = models.CharField(max_length=127)  # lower case: names compare without case
    current = models.ForeignKey("KeyVersion", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        permissions: ClassVar = [(role.codename, role.name) for role in ROLES.values() if not role.vault_only]
        constraints: ClassVar = [models.UniqueConstraint(fields=["vault", "folded_name"], name="key_name_unique")]


class KeyVersion(models.Model):
    """One generation of a key. What it is never changes; its attributes may."""

    class State(models.TextChoices):
        PENDING = "pending"  # begun, not yet made: invisible to callers
        READY = "ready"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7)
    key = models.ForeignKey(Key, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=32)
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    protected = models.OneToOneField(ProtectedKey, on_delete=models.PROTECT, null=True)
    custody = models.CharField(max_length=8)
    key_type = models.CharField(max_length=3)
    parameter = models.CharField(max_length=8)
    operations = models.JSONField()  # JWK key_ops in the caller's order
    enabled = models.BooleanField(default=True)
    not_before = models.DateTimeField(null=True)
    expires = models.DateTimeField(null=True)
    tags = models.JSONField(default=dict)
    created = models.DateTimeField()
    updated = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "version"], name="key_version_unique"),
            models.CheckConstraint(
                condition=~models.Q(state="ready") | models.Q(protected__isnull=False), name="ready_version_has_its_key"
            ),
        ]
