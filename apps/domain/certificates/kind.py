"""Certificates as a kind of vault object: each has a managed key and a managed secret of the same name."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from apps.core.errors import NotFound
from apps.domain.approvals.models import GuardedOperation
from apps.domain.certificates.models import Certificate, CertificateOperation, CertificateVersion
from apps.domain.keys import backup_parts as key_parts
from apps.domain.keys.kind import KEYS
from apps.domain.objects.backups import Restoration, dump_version, load_version
from apps.domain.objects.kinds import ObjectKind
from apps.domain.objects.listing import ObjectItem
from apps.domain.secrets import backup_parts as secret_parts
from apps.domain.secrets.kind import SECRETS

_PLAIN = ("version", "enabled", "tags", "preserve_order", "acted")


class CertificateNotFound(NotFound):
    """No such certificate, or no such version of it, in this vault."""


@dataclass(frozen=True, slots=True)
class CertificateItem(ObjectItem):
    """A certificate in a list."""

    cer: bytes  # None before the first version is finished
    policy_created: datetime


class CertificateKind(ObjectKind[Certificate, CertificateVersion]):
    name = "certificate"
    model = Certificate
    version_model = CertificateVersion
    not_found_error = CertificateNotFound
    item = CertificateItem
    detail_related = ("current", "operation")
    version_related = ("certificate__operation", "key_version", "secret_version")
    exists_without_version = True
    dependents = (KEYS, SECRETS)
    restore_act = GuardedOperation.KEY_IMPORT

    def delete_versions(self, row: Certificate) -> None:
        CertificateOperation.objects.filter(certificate=row).delete()
        CertificateVersion.objects.filter(certificate=row).delete()

    def dump(self, row: Certificate) -> list[bytes]:
        """The policy with the certificates, then the versions of the key, then those of the secret."""
        related = ("key_version__protected", "key_version__key", "secret_version__secret")
        rows = list(self.versions().select_related(*related).filter(certificate=row).order_by("created", "pk"))
        head = {"kind": "certificate", "policy": row.policy, "versions": [_dump(version) for version in rows]}
        return [
            orjson.dumps(head),
            *(key_parts.dump(version.key_version) for version in rows),
            *(secret_parts.dump(version.secret_version) for version in rows),
        ]

    def move(self, restoration: Restoration, parts: tuple[bytes, ...]) -> tuple[dict[str, Any], Any, Any]:
        """The first part, and what the HSM moved of the key and of the secret."""
        head = orjson.loads(parts[0])
        secrets_at = 1 + len(head["versions"])
        keys = KEYS.move(restoration, parts[1:secrets_at])
        return head, keys, SECRETS.move(restoration, parts[secrets_at:])

    def store(self, restoration: Restoration, moved: Any, *, managed: bool = False) -> Certificate:
        head, keys, secrets = moved
        key = KEYS.store(restoration, keys, managed=True)
        secret = SECRETS.store(restoration, secrets, managed=True)
        key_versions = {row.version: row for row in key.versions.all()}
        secret_versions = {row.version: row for row in secret.versions.all()}
        versions = [
            {
                **load_version(part),
                "key_version": key_versions[part["version"]],
                "secret_version": secret_versions[part["version"]],
                "cer": base64.b64decode(part["cer"]),
            }
            for part in head["versions"]
        ]
        times = {"policy_created": restoration.now, "policy_updated": restoration.now}
        return self.insert(restoration, versions, managed=managed, policy=head["policy"], **times)


def _dump(row: CertificateVersion) -> dict[str, Any]:
    return {**dump_version(row, _PLAIN), "cer": base64.b64encode(bytes(row.cer)).decode("ascii")}


CERTIFICATES = CertificateKind()
