"""Backing certificates up with their keys and secrets, and restoring them inside one security world."""

import base64
from datetime import datetime
from typing import Any

import orjson
from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.models import GuardedOperation
from apps.domain.certificates import queries
from apps.domain.certificates.models import Certificate, CertificateVersion
from apps.domain.keys import backup_parts as key_parts
from apps.domain.keys import queries as keys
from apps.domain.keys.models import Key
from apps.domain.keys.operations import backup as key_restoring
from apps.domain.objects import backups, soft_delete
from apps.domain.objects.backups import Backup
from apps.domain.secrets import backup_parts as secret_parts
from apps.domain.secrets import queries as secrets
from apps.domain.secrets.models import Secret
from apps.domain.secrets.operations import backup as secret_restoring
from apps.domain.vaults.models import Vault

_PLAIN = ("version", "enabled", "tags", "preserve_order", "acted")
_TIMES = ("not_before", "expires", "created", "updated")


def back_up(*, grant: Grant, vault: Vault, name: str, now: datetime) -> str:
    """The backup blob of all versions. Raises `CertificateNotFound`, `HsmUnavailable`."""
    grant.require(Permission.CERTIFICATES_BACKUP, vault_id=vault.pk)
    certificate = queries.get_certificate(vault_id=vault.pk, name=name)
    rows = queries.all_versions(certificate)
    if not rows:
        raise queries.not_found(name)
    head = {"kind": "certificate", "policy": certificate.policy, "versions": [_dump(row) for row in rows]}
    return backups.create_backup(
        grant=grant,
        vault=vault,
        object_type="certificate",
        name=certificate.name,
        lineage=certificate.origin or certificate.pk,
        parts=[
            orjson.dumps(head),
            *(key_parts.dump(row.key_version) for row in rows),
            *(secret_parts.dump(row.secret_version) for row in rows),
        ],
        now=now,
    )


def restore(*, grant: Grant, vault: Vault, blob: str, now: datetime) -> CertificateVersion:
    """Restore every version, with key and secret, under the backup's name. Returns the newest.

    A private key comes with it, so into a guarded vault it is an import.

    Raises `BadBackup`, `BackupBuried`, `ObjectExists`, `ObjectIsDeleted`, `HsmUnavailable`, `SecondPersonNeeded`.
    """
    grant.require(Permission.CERTIFICATES_RESTORE, vault_id=vault.pk)
    backup = check_restore(grant=grant, vault=vault, blob=blob)
    approval = approvals.require_approval(
        grant=grant,
        act=GuardedOperation.KEY_IMPORT,
        guarded=vault.production,
        subject=f"certificates/{backup.name.lower()}",
        change=backups.describe_backup(backup),
        now=now,
    )
    head = orjson.loads(backup.parts[0])
    count = len(head["versions"])
    key_rows = [
        key_restoring.move_version(grant=grant, vault=vault, backup=backup, part=part)
        for part in backup.parts[1 : 1 + count]
    ]
    secret_rows = [
        secret_restoring.move_version(grant=grant, vault=vault, backup=backup, part=part)
        for part in backup.parts[1 + count :]
    ]
    with transaction.atomic():
        approvals.consume(grant=grant, approval=approval, now=now)
        _check_free(vault, backup)
        key = key_restoring.store(grant=grant, vault=vault, backup=backup, moved=key_rows, managed=True).key
        secret = secret_restoring.store(grant=grant, vault=vault, backup=backup, moved=secret_rows, managed=True).secret
        newest = _store(vault, backup, head, key, secret, now)
        append_change(
            grant,
            operation=Operation.CERTIFICATE_RESTORE,
            object_id=f"certificates/{backup.name}",
            backupOf=backup.vault_name,
        )
    queries.invalidate(vault_id=vault.pk, name=backup.name)
    keys.invalidate_all(vault_id=vault.pk, name=backup.name)
    secrets.invalidate(vault_id=vault.pk, name=backup.name)
    return newest


def check_restore(*, grant: Grant, vault: Vault, blob: str) -> Backup:
    """Everything that `restore` would refuse, changing nothing: the dry run. Raises as it does."""
    grant.require(Permission.CERTIFICATES_RESTORE, vault_id=vault.pk)
    backup = backups.parse_backup(blob)
    backups.check(backup, grant=grant, vault=vault, object_type="certificate")
    _check_free(vault, backup)
    return backup


def _check_free(vault: Vault, backup: Backup) -> None:
    soft_delete.check_free(Certificate, kind="certificate", vault=vault, name=backup.name)
    soft_delete.check_free(Key, kind="key", vault=vault, name=backup.name)
    soft_delete.check_free(Secret, kind="secret", vault=vault, name=backup.name)


def _store(  # noqa: PLR0917  private, called once
    vault: Vault, backup: Backup, head: dict[str, Any], key: Key, secret: Secret, now: datetime
) -> CertificateVersion:
    certificate = Certificate.objects.create(
        vault=vault,
        name=backup.name,
        folded_name=backup.name.lower(),
        origin=backup.lineage,
        policy=head["policy"],
        policy_created=now,
        policy_updated=now,
    )
    key_versions = {row.version: row for row in key.versions.all()}
    secret_versions = {row.version: row for row in secret.versions.all()}
    rows = []
    for found in head["versions"]:
        fields = {name: found[name] for name in _PLAIN} | {name: datetime.fromisoformat(found[name]) for name in _TIMES}
        rows.append(
            CertificateVersion.objects.create(
                certificate=certificate,
                key_version=key_versions[found["version"]],
                secret_version=secret_versions[found["version"]],
                cer=base64.b64decode(found["cer"]),
                **fields,
            )
        )
    newest = max(rows, key=lambda row: (row.created, row.pk))
    Certificate.objects.filter(pk=certificate.pk).update(current=newest)
    certificate.current = newest
    return newest


def _dump(row: CertificateVersion) -> dict[str, Any]:
    fields: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    fields |= {name: getattr(row, name).isoformat() for name in _TIMES}
    return {**fields, "cer": base64.b64encode(bytes(row.cer)).decode("ascii")}
