from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.core.ids import uuid7
from apps.core.models import PlainModel, UuidModel


class SecurityWorld(models.Model):
    """One geography's set of HSMs that share master keys (Azure: security domain). Made by a ceremony."""

    class Purpose(models.TextChoices):
        VAULTS = "vaults"
        AUDIT = "audit"  # its token signs checkpoints and opens records; no vault is ever in it

    id = models.UUIDField(primary_key=True, default=uuid7)
    name = models.SlugField(max_length=24, unique=True)
    purpose = models.TextField(choices=Purpose.choices, default=Purpose.VAULTS)
    geography = models.CharField(max_length=64)
    region = models.SlugField(max_length=64)  # the value of `x-ms-keyvault-region`
    generation = models.PositiveSmallIntegerField()  # new keys use this one
    rsa1_5_decrypt = models.BooleanField(default=False)  # legacy padding: an oracle by design, so off
    profile = models.JSONField(default=dict)  # capabilities of the module, as the ceremony probed them
    created = models.DateTimeField()


class WorldGeneration(models.Model):
    """The master keys of one generation: found by id, verified by check value (security-guarantees.md section 2)."""

    world = models.ForeignKey(SecurityWorld, on_delete=models.PROTECT, related_name="generations")
    number = models.PositiveSmallIntegerField()
    private_wrapping_id = models.BinaryField()
    private_wrapping_check = models.BinaryField()
    secret_wrapping_id = models.BinaryField()
    secret_wrapping_check = models.BinaryField()
    binding_mac_id = models.BinaryField()
    binding_mac_check = models.BinaryField()
    hmac_wrapping_id = models.BinaryField(null=True)  # null: the generation is older than keys that make HMACs
    hmac_wrapping_check = models.BinaryField(null=True)
    export_wrapping_id = models.BinaryField(null=True)  # null: older than keys that can be released
    export_wrapping_check = models.BinaryField(null=True)
    created = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["world", "number"], name="one_row_per_generation")]


class ProtectedKey(models.Model):
    """A key as it is stored: wrapped by the HSM or sealed by a vault key, its facts bound by the world's HMAC.

    Owners (a key version, a vault, the token authority) point here. There is no state: the owner decides whether
    the key may be used, the HSM whether the row is genuine.
    """

    class Origin(models.TextChoices):
        """Where the material comes from; bound too. The HSM boundary has the same (`hsm.types.Origin`)."""

        UNRECORDED = "", "not recorded"  # bound before origins were, or a key of the service itself
        GENERATED = "generated"
        IMPORTED = "imported"
        TRANSFERRED = "transferred"  # brought wrapped, in a BYOK file

    id = models.UUIDField(primary_key=True, default=uuid7)
    world = models.ForeignKey(SecurityWorld, on_delete=models.PROTECT)
    generation = models.PositiveSmallIntegerField()
    custody = models.CharField(max_length=8)
    vault_id = models.UUIDField(null=True)  # bound as text; null for keys of the organisation
    name = models.CharField(max_length=127)
    version = models.CharField(max_length=32)
    key_type = models.CharField(max_length=3)
    parameter = models.CharField(max_length=16)
    operations = ArrayField(models.CharField(max_length=16))
    exportable = models.BooleanField(default=False)  # bound too: may leave, encrypted to an attested recipient
    origin = models.CharField(max_length=12, choices=Origin.choices, default=Origin.UNRECORDED, db_default="")
    restored = models.BooleanField(default=False, db_default=False)  # bound too: came with a backup
    public_key = models.BinaryField()
    blob = models.BinaryField()
    mac = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(custody__in=["wrapped", "software"]), name="known_custody"),
        ]


class StatementKey(UuidModel):
    """A key of a world that signs statements about its keys, or the authority that certifies the first kind.

    Ceremonies create both. The newest of a role counts; earlier ones stay, because their statements stay.
    """

    class Role(models.TextChoices):
        AUTHORITY = "authority"
        SIGNER = "signer"

    world = models.ForeignKey(SecurityWorld, on_delete=models.PROTECT)
    role = models.TextField(choices=Role.choices)
    protected = models.OneToOneField(ProtectedKey, on_delete=models.PROTECT)
    certificate = models.BinaryField()  # DER
    created = models.DateTimeField()


class BackupKey(PlainModel):
    """The key of a world to which its backups are encrypted, beside the HMAC key in the HSM. Made by a ceremony."""

    world = models.OneToOneField(SecurityWorld, on_delete=models.PROTECT, primary_key=True, related_name="backup_key")
    sealing = models.OneToOneField(ProtectedKey, on_delete=models.PROTECT, related_name="+")  # AES-256, in the HSM
    kem = models.OneToOneField(ProtectedKey, on_delete=models.PROTECT, related_name="+")  # ML-KEM-768, sealed by it
    created = models.DateTimeField()


class Rebinding(PlainModel):
    """The newest form of a stored key that an HSM worker made for other operations.

    The web process stores a key in no other form than this one (migration certificates 0003), in the transaction that
    changes the version. Removed with the key.
    """

    protected_id = models.UUIDField(primary_key=True)
    operations = ArrayField(models.CharField(max_length=16))
    blob = models.BinaryField()
    mac = models.BinaryField()
