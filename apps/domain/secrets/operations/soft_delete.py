"""Deleting secrets, getting them back, and removing them for good."""

from datetime import datetime

from django.db import connection, transaction

from apps.audit_log.operation_names import Operation
from apps.domain.access import operations as access
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import requires_approval
from apps.domain.objects import soft_delete
from apps.domain.secrets import queries
from apps.domain.secrets.models import Secret
from apps.domain.vaults import rules
from apps.domain.vaults.models import Vault


@transaction.atomic
def delete(*, grant: Grant, vault: Vault, name: str, now: datetime) -> Secret:
    """Delete a secret with all its versions, softly. Raises `SecretNotFound`, `ObjectManaged`."""
    grant.require(Permission.SECRETS_DELETE, vault_id=vault.pk)
    secret = soft_delete.lock_live(Secret, vault=vault, name=name)
    if secret is None or secret.current_id is None:
        raise queries.not_found(name)
    soft_delete.check_unmanaged(secret, kind="secret")
    soft_delete.delete(secret, vault, now=now)
    append_change(grant, operation=Operation.SECRET_DELETE, object_id=f"secrets/{secret.name}")
    return secret


@transaction.atomic
def recover(*, grant: Grant, vault: Vault, name: str) -> Secret:
    """Make a deleted secret live again. Raises `SecretNotFound`, `ObjectManaged`."""
    grant.require(Permission.SECRETS_RECOVER, vault_id=vault.pk)
    secret = _deleted(vault, name)
    soft_delete.check_unmanaged(secret, kind="secret")
    soft_delete.recover(secret)
    append_change(grant, operation=Operation.SECRET_RECOVER, object_id=f"secrets/{secret.name}")
    return secret


def purge(*, grant: Grant, vault: Vault, name: str, now: datetime) -> None:
    """Remove a deleted secret for good. Raises `SecretNotFound`, `ObjectManaged`, `PurgeProtected`,
    `SecondPersonNeeded`.
    """
    grant.require(Permission.SECRETS_PURGE, vault_id=vault.pk)
    with transaction.atomic():
        subject = f"secrets/{_purgeable(vault, name, now).name}"
    with requires_approval(
        grant=grant, act=GuardedOperation.PURGE, guarded=vault.production, subject=subject, change={}, now=now
    ):
        secret = _purgeable(vault, name, now)
        remove(grant=grant, secret=secret, now=now)
        append_change(grant, operation=Operation.SECRET_PURGE, object_id=subject)


def remove(*, grant: Grant, secret: Secret, now: datetime) -> None:
    """The rows of a deleted secret and its assignments, inside the caller's transaction."""
    if grant.permission not in _REMOVERS:
        grant.require(Permission.SECRETS_PURGE, vault_id=secret.vault_id)
    soft_delete.mark_purged(secret, object_type="secret", now=now)
    access.remove_object_assignments(grant=grant, object_type="secret", object_id=secret.pk)
    Secret.objects.filter(pk=secret.pk).update(current=None)
    with connection.cursor() as cursor:  # the ORM would read the rows first, values too; the scheduler may not
        cursor.execute("DELETE FROM secrets_secretversion WHERE secret_id = %s", [secret.pk])
    Secret.objects.filter(pk=secret.pk).delete()


_REMOVERS = frozenset({Permission.SECRETS_PURGE, Permission.CERTIFICATES_PURGE, Permission.VAULTS_SWEEP})


def _purgeable(vault: Vault, name: str, now: datetime) -> Secret:
    secret = _deleted(vault, name)
    soft_delete.check_unmanaged(secret, kind="secret")
    rules.check_purge(vault, purge_after=secret.purge_after, now=now)
    return secret


def _deleted(vault: Vault, name: str) -> Secret:
    secret = soft_delete.lock_deleted(Secret, vault=vault, name=name)
    if secret is None:
        raise queries.deleted_not_found(name)
    return secret
