"""The rows of a finished version, written by the web (import, merge) and by the HSM workers."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from apps.domain.certificates.models import Certificate, CertificateVersion
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.secrets.models import Secret, SecretVersion


@dataclass(frozen=True, slots=True)
class FinishedVersion:
    """The parts of a version, besides its key."""

    certificate: x509.Certificate
    sealed: bytes  # the secret's value, sealed
    content_type: str
    enabled: bool
    tags: dict[str, str]
    preserve_order: bool


def add_version(
    certificate: Certificate, key_version: KeyVersion, finished: FinishedVersion, *, now: datetime
) -> CertificateVersion:
    """Store the version with its secret, and make certificate, key and secret point at it."""
    secret = Secret.objects.select_for_update().get(vault_id=certificate.vault_id, folded_name=certificate.folded_name)
    dates = {
        "not_before": finished.certificate.not_valid_before_utc,
        "expires": finished.certificate.not_valid_after_utc,
    }
    common = {"enabled": finished.enabled, "tags": finished.tags, "created": now, "updated": now, **dates}
    secret_version = SecretVersion.objects.create(
        secret=secret,
        version=key_version.version,
        sealed=finished.sealed,
        content_type=finished.content_type,
        **common,
    )
    row = CertificateVersion.objects.create(
        certificate=certificate,
        version=key_version.version,
        key_version=key_version,
        secret_version=secret_version,
        cer=finished.certificate.public_bytes(Encoding.DER),
        preserve_order=finished.preserve_order,
        **common,
    )
    KeyVersion.objects.filter(pk=key_version.pk).update(**dates)
    Key.objects.filter(pk=key_version.key_id).update(current=key_version)
    Secret.objects.filter(pk=secret.pk).update(current=secret_version)
    Certificate.objects.filter(pk=certificate.pk).update(current=row)
    return row
