from typing import ClassVar

from django.db import models

from apps.core.ids import uuid7
from apps.core.models import PlainModel, UuidModel
from apps.domain.keys.models import KeyVersion
from apps.domain.secrets.models import SecretVersion
from apps.domain.security_worlds.models import ProtectedKey
from apps.domain.vaults.models import Vault, VaultObject


class Certificate(VaultObject):
    """A named series of certificates with one policy. Its key and secret have the same name and are `managed`."""

    current = models.ForeignKey("CertificateVersion", on_delete=models.PROTECT, null=True, related_name="+")
    policy = models.JSONField()  # a `policy.Policy` as a dict
    policy_created = models.DateTimeField()
    policy_updated = models.DateTimeField()

    class Meta(VaultObject.Meta):
        indexes: ClassVar = [
            models.Index(fields=["purge_after"], name="cert_purge_due", condition=models.Q(deleted__isnull=False)),
        ]


class CertificateVersion(UuidModel):
    """One certificate (DER), with the versions of key and secret that belong to it."""

    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="versions")
    version = models.CharField(max_length=32)
    key_version = models.OneToOneField(KeyVersion, on_delete=models.PROTECT, related_name="certificate_version")
    secret_version = models.OneToOneField(SecretVersion, on_delete=models.PROTECT, related_name="certificate_version")
    cer = models.BinaryField()
    enabled = models.BooleanField(default=True)
    not_before = models.DateTimeField()
    expires = models.DateTimeField()
    tags = models.JSONField(default=dict)
    preserve_order = models.BooleanField(default=False)
    created = models.DateTimeField()
    updated = models.DateTimeField()
    acted = models.CharField(max_length=16, default="")  # the lifetime action that was carried out for this version

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["certificate", "version"], name="certificate_version_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["expires"], name="certificate_expires")]


class CertificateOperation(PlainModel):
    """The creation of one version: stays readable as completed, cancelled or failed until the next one."""

    class Status(models.TextChoices):
        IN_PROGRESS = "inProgress"
        COMPLETED = "completed"
        CANCELLED = "cancelled"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7)  # request_id
    certificate = models.OneToOneField(Certificate, on_delete=models.CASCADE, related_name="operation")
    version = models.CharField(max_length=32)
    key_version = models.ForeignKey(KeyVersion, on_delete=models.SET_NULL, null=True, related_name="+")
    issuer = models.CharField(max_length=127)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.IN_PROGRESS)
    status_details = models.TextField(default="")
    error_code = models.CharField(max_length=64, default="")
    csr = models.BinaryField(null=True)
    cancellation_requested = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    tags = models.JSONField(default=dict)
    preserve_order = models.BooleanField(default=False)
    created = models.DateTimeField()


class Issuer(UuidModel):
    """An issuer of certificates of a vault. A password that a caller sends is not stored: no provider needs one."""

    vault = models.ForeignKey(Vault, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=127)
    folded_name = models.CharField(max_length=127)
    provider = models.CharField(max_length=64)
    account_id = models.CharField(max_length=255, null=True)
    organisation = models.JSONField(default=dict)  # {"id", "admins": [...]}
    enabled = models.BooleanField(default=True)
    created = models.DateTimeField()
    updated = models.DateTimeField()

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["vault", "folded_name"], name="issuer_name_unique")]


class IssuingAuthority(PlainModel):
    """The built-in issuer's certificate authority: a P-256 key in the HSM and its self-signed certificate."""

    issuer = models.OneToOneField(Issuer, on_delete=models.CASCADE, primary_key=True, related_name="authority")
    protected = models.OneToOneField(ProtectedKey, on_delete=models.PROTECT, null=True)  # null: not created yet
    cer = models.BinaryField(null=True)
    created = models.DateTimeField()


class Contacts(PlainModel):
    """The contacts for certificates of a vault."""

    vault = models.OneToOneField(Vault, on_delete=models.PROTECT, primary_key=True, related_name="+")
    people = models.JSONField()  # [{"email", "name", "phone"}]
