from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.core.models import UuidModel


class GuardedOperation(models.TextChoices):
    """Operations that need an approval on a production vault, or where they open one (`ORGANISATION_ACTS`)."""

    PURGE = "purge", "Purge"
    VAULT_DELETE = "vault-delete", "Delete a vault"
    VAULT_PURGE = "vault-purge", "Purge a vault"
    GUARD_OFF = "guard-off", "Turn off approvals"
    RETENTION_SHORTENED = "retention-shortened", "Shorten the retention"
    RSA1_5_ON = "rsa1-5-on", "Allow decryption with RSA1_5"
    LOG_DESTINATION = "log-destination", "Change the log destination"
    EVENT_SUBSCRIPTION = "event-subscription", "Add a webhook"
    ROLE_GRANT = "role-grant", "Assign a role"
    MANAGEMENT_ROLE = "management-role", "Assign the vault manager role"
    KEY_IMPORT = "key-import", "Import a key"
    RESTORE = "restore", "Restore a backup of a production vault"
    RELEASE_POLICY = "release-policy", "Set a release policy"
    ROLLOVER_OVERRIDE = "rollover-override", "Retire an old version that is in use"
    CREDENTIAL = "credential", "Add a credential"
    APPLICATION_ENABLE = "application-enable", "Reactivate an application"
    PERSON_ENABLE = "person-enable", "Reactivate a person"
    INVITATION = "invitation", "Invite a person"
    ATTESTATION_AUTHORITY = "attestation-authority", "Trust an attestation authority"


# Acts in the organisation: they need an approval for what they open, in one or in several production vaults.
ORGANISATION_ACTS = frozenset(
    {
        GuardedOperation.CREDENTIAL,
        GuardedOperation.APPLICATION_ENABLE,
        GuardedOperation.PERSON_ENABLE,
        GuardedOperation.INVITATION,
        GuardedOperation.ATTESTATION_AUTHORITY,
        GuardedOperation.MANAGEMENT_ROLE,
    }
)


class ApprovalRequest(UuidModel):
    """A request to do exactly this, once. `fingerprint` covers operation, vault, subject, change, ids and state.

    `vault_id` is zero for an act in the organisation.
    """

    class State(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        REJECTED = "rejected"
        USED = "used"
        WITHDRAWN = "withdrawn"

    act = models.CharField(max_length=24, choices=GuardedOperation.choices)
    vault_id = models.UUIDField()
    vault_name = models.CharField(max_length=24)
    subject = models.CharField(max_length=300)  # keys/<name>, or the subject of the operation
    change = models.JSONField(default=dict)  # the requested change; never a secret value
    concerns = ArrayField(models.UUIDField(), default=list)  # ids of the objects and principals that it is about
    basis = models.JSONField(default=dict)  # their state, and digests of the content; another state is another request
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

    class Meta(UuidModel.Meta):
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

    @property
    def place(self) -> str:
        """The subject with its vault, for people."""
        return f"{self.vault_name}/{self.subject}" if self.vault_name else self.subject


class PrincipalControl(UuidModel):
    """A person who can act as a principal, or could: who created or invited it, or added one of its credentials.

    Rows are only ever added. Removing a credential adds a row as well, because tokens and requests outlive it.
    """

    class How(models.TextChoices):
        CREATED = "created"
        INVITED = "invited"
        CREDENTIAL = "credential"
        REMOVED = "removed"

    principal_id = models.UUIDField()
    person_id = models.UUIDField()
    how = models.CharField(max_length=10, choices=How.choices)
    credential_id = models.UUIDField(null=True)
    credential_expires = models.DateTimeField(null=True)  # null: never
    at = models.DateTimeField()

    class Meta(UuidModel.Meta):
        indexes: ClassVar = [models.Index(fields=["principal_id"], name="approvals_p_princip_idx")]
