from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models.functions import Lower

from apps.core.models import UuidModel
from apps.domain.access.roles import ROLES
from apps.domain.access.visibility import VisibleQuerySet
from apps.domain.security_worlds.models import ProtectedKey, SecurityWorld


class Vault(UuidModel):
    """A vault answers at `https://<name>.<suffix>`; its AES-256 key seals its secrets inside the HSM."""

    class State(models.TextChoices):
        PENDING = "pending"  # its key is not created yet
        READY = "ready"
        FAILED = "failed"

    class OnConflict(models.TextChoices):
        """What creating, importing or setting does with a name that a deleted object has."""

        REFUSE = "refuse"  # Azure's 409
        RECOVER = "recover"  # recover the object, and add the version to it

    name = models.CharField(max_length=24)
    world = models.ForeignKey(SecurityWorld, on_delete=models.PROTECT)
    key = models.OneToOneField(ProtectedKey, on_delete=models.PROTECT, null=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.PENDING)
    recoverable_days = models.PositiveSmallIntegerField(default=90)  # how long a deleted object can be recovered
    purge_protection = models.BooleanField(default=False)  # once on, on for good
    production = models.BooleanField(default=False)  # guarded: some operations need an approval (apps/domain/approvals)
    held = models.BooleanField(default=False)  # its audit log cannot be delivered, and its policy forbids unlogged use
    on_conflict = models.CharField(
        max_length=7, choices=OnConflict.choices, default=OnConflict.REFUSE, db_default=OnConflict.REFUSE
    )
    near_expiry_days = models.PositiveSmallIntegerField(
        default=30, db_default=30
    )  # unless a key's policy says otherwise
    rsa1_5 = models.BooleanField(default=False)  # decryption with the legacy padding, an oracle by design
    test = models.BooleanField(default=False)  # a developer's own: software-protected keys only, never production
    owner_id = models.UUIDField(null=True)  # of a test vault: the developer who created it
    frozen = models.BooleanField(default=False)  # an incident: the data plane denies every request
    limits = models.JSONField(default=dict)  # what quotas.py says, by its names; absent: Azure's published limits
    certificate_action = models.JSONField(null=True)  # what new certificates inherit: `policy.Action`; null: Azure's
    tags = models.JSONField(default=dict, db_default={})  # text by name, for people and their tools
    # What tools set through the resource management API and compare later; none of it has an effect here.
    tool_settings = models.JSONField(default=dict, db_default={})
    created = models.DateTimeField()
    deleted = models.DateTimeField(null=True)  # recoverable until `purge_after`; its name stays taken
    purge_after = models.DateTimeField(null=True)
    purged = models.DateTimeField(null=True)  # final: the name is free, and the scheduler removes the objects

    objects = VisibleQuerySet.as_manager()

    class Meta(UuidModel.Meta):
        # A role assignment at a vault is a django-guardian row with one of these.
        permissions: ClassVar = [(role.codename, role.name) for role in ROLES.values() if not role.everywhere]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("name"), condition=models.Q(purged__isnull=True), name="vault_name_unique"),
            models.CheckConstraint(
                condition=models.Q(deleted__isnull=True, purge_after__isnull=True, purged__isnull=True)
                | models.Q(deleted__isnull=False, purge_after__isnull=False),
                name="vault_deletion_has_its_dates",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="ready") | models.Q(key__isnull=False), name="ready_vault_has_its_key"
            ),
            models.CheckConstraint(
                condition=models.Q(test=False) | models.Q(production=False, owner_id__isnull=False),
                name="test_vault_has_an_owner",
            ),
            models.CheckConstraint(
                condition=models.Q(recoverable_days__gte=7, recoverable_days__lte=90), name="vault_retention_range"
            ),
            models.CheckConstraint(
                condition=models.Q(near_expiry_days__gte=1, near_expiry_days__lte=365), name="vault_near_expiry_range"
            ),
            models.CheckConstraint(
                condition=models.Q(on_conflict__in=["refuse", "recover"]), name="vault_on_conflict_known"
            ),
        ]


class VaultObject(UuidModel):
    """A named object with soft delete, recoverable until `purge_after` (docs/reference/wire-contract.md section 7).

    The database refuses to remove a row that is not deleted, or is protected still (migration purge_is_guarded).
    """

    vault = models.ForeignKey(Vault, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=127)  # as first written
    folded_name = models.CharField(max_length=127)  # lower case: names compare without case
    managed = models.BooleanField(default=False)  # backs a certificate: written through that only
    deleted = models.DateTimeField(null=True)
    purge_after = models.DateTimeField(null=True)
    deleted_by = models.CharField(max_length=150, default="", db_default="")  # "": live, or by an earlier release
    origin = models.UUIDField(null=True)  # the object whose backup this was restored from; null: none

    objects = VisibleQuerySet.as_manager()

    recovered = False  # by this transaction, for a new version; not stored

    class Meta(UuidModel.Meta):
        abstract = True
        permissions: ClassVar = [(role.codename, role.name) for role in ROLES.values() if not role.vault_only]
        constraints: ClassVar = [models.UniqueConstraint(fields=["vault", "folded_name"], name="%(class)s_name_unique")]
        indexes: ClassVar = [
            models.Index(fields=["purge_after"], name="%(class)s_purge_due", condition=models.Q(deleted__isnull=False))
        ]

    @property
    def lineage(self) -> UUID:
        """The same for an object and everything restored from its backups."""
        return self.origin or self.pk


class PurgedObject(UuidModel):
    """An object that was purged from a vault with purge protection: its backups cannot restore it."""

    vault = models.ForeignKey(Vault, on_delete=models.PROTECT, related_name="+")
    object_type = models.CharField(max_length=11)
    lineage = models.UUIDField(unique=True)
    purged = models.DateTimeField()


class AssignmentId(UuidModel):
    """The id that a client of the resource management API gave to a role assignment, which it reads back by it."""

    principal_id = models.UUIDField()
    role = models.CharField(max_length=64)
    object_type = models.CharField(max_length=11)
    object_id = models.UUIDField()

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["principal_id", "role", "object_type", "object_id"], name="assignment_has_one_id"
            )
        ]
