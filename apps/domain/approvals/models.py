from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from apps.core.ids import uuid7


class GuardedOperation(models.TextChoices):
    """Operations that need an approval on a production vault."""

    PURGE = "purge", "Purge"
    GUARD_OFF = "guard-off", "Turn off approvals"
    RETENTION_SHORTENED = "retention-shortened", "Shorten the retention"
    LOG_DESTINATION = "log-destination", "Change the log destination"
    ROLE_GRANT = "role-grant", "Assign a role"
    KEY_IMPORT = "key-import", "Import a key"
    RELEASE_POLICY = "release-policy", "Set a release policy"


class ApprovalRequest(models.Model):
    """A request to do exactly this, once. `fingerprint` covers operation, vault, subject and change."""

    class State(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        REJECTED = "rejected"
        USED = "used"
        WITHDRAWN = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7)
    act = models.CharField(max_length=24, choices=GuardedOperation.choices)
    vault_id = models.UUIDField()
    vault_name = models.CharField(max_length=24)
    subject = models.CharField(max_length=300)  # keys/<name>, or the subject of the operation
    change = models.JSONField(default=dict)  # the requested change; never a secret value
    fingerprint = models.BinaryField()
    requester_id = models.UUIDField()
    requester = models.CharField(max_length=300)
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    created = models.DateTimeField()
    expires = models.DateTimeField()
    decider_id = models.UUIDField(null=True)
    decider = models.CharField(max_length=300, default="")
    decided = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, default="")

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.CheckConstraint(
                name="requester_never_decides", condition=Q(decider_id__isnull=True) | ~Q(decider_id=F("requester_id"))
            ),
            models.CheckConstraint(
                name="decided_by_somebody",
                condition=~Q(state__in=["approved", "rejected", "used"])
                | Q(decider_id__isnull=False, decided__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["fingerprint", "requester_id"],
                condition=Q(state__in=["open", "approved"]),
                name="one_live_request",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "expires"])]
