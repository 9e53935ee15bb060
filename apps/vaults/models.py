from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower

from apps.access.roles import ROLES
from apps.core.ids import uuid7
from apps.worlds.models import ProtectedKey, SecurityWorld


class Vault(models.Model):
    """A vault answers at `https://<name>.<suffix>`; its AES-256 key seals its secrets inside the HSM."""

    class State(models.TextChoices):
        PENDING = "pending"  # its key is being made
        READY = "ready"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7)
    name = models.CharField(max_length=24)
    world = models.ForeignKey(SecurityWorld, on_delete=models.PROTECT)
    key = models.OneToOneField(ProtectedKey, on_delete=models.PROTECT, null=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    recoverable_days = models.PositiveSmallIntegerField(default=90)
    created = models.DateTimeField()

    class Meta:
        # A role assignment at a vault is a django-guardian row with one of these.
        default_permissions = ()
        permissions: ClassVar = [(role.codename, role.name) for role in ROLES.values()]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), name="vault_name_unique"),
            models.CheckConstraint(
                condition=~models.Q(state="ready") | models.Q(key__isnull=False), name="ready_vault_has_its_key"
            ),
        ]
