from typing import ClassVar

from django.db import models

from apps.core.models import UuidModel
from apps.domain.vaults.models import VaultObject


class Secret(VaultObject):
    """A named series of values. `current` is the one read when no version is named."""

    current = models.ForeignKey("SecretVersion", on_delete=models.PROTECT, null=True, related_name="+")


class SecretVersion(UuidModel):
    """One value, AES-GCM under the vault key with world, vault, name and version as associated data."""

    secret = models.ForeignKey(Secret, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=32)
    sealed = models.BinaryField()
    content_type = models.CharField(max_length=255, null=True)  # absent and empty are different responses
    enabled = models.BooleanField(default=True)
    not_before = models.DateTimeField(null=True)
    expires = models.DateTimeField(null=True)
    tags = models.JSONField(default=dict)
    created = models.DateTimeField()
    updated = models.DateTimeField()

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["secret", "version"], name="secret_version_unique"),
        ]
