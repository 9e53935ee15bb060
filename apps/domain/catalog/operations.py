"""Operations that keys, secrets and certificates share, dispatched to the operation of their kind."""

from datetime import datetime
from typing import Any

from apps.domain.access.grants import Grant
from apps.domain.catalog.kinds import BY_COLLECTION
from apps.domain.catalog.queries import permission_for
from apps.domain.certificates.operations import properties as certificates
from apps.domain.keys.operations import creation as keys
from apps.domain.objects.operations import soft_delete
from apps.domain.secrets.operations import values as secrets
from apps.domain.vaults.models import Vault

_UPDATES: dict[str, Any] = {"keys": keys.update, "secrets": secrets.update, "certificates": certificates.update}


def delete(*, grant: Grant, vault: Vault, kind: str, name: str, now: datetime) -> None:
    """Delete softly. Raises as the kind's own operation."""
    grant.require(permission_for(kind, "delete"), vault_id=vault.pk)
    soft_delete.delete(grant=grant, kind=BY_COLLECTION[kind], vault=vault, name=name, now=now)


def recover(*, grant: Grant, vault: Vault, kind: str, name: str) -> None:
    """Recover a deleted object. Raises what the kind's own operation raises."""
    grant.require(permission_for(kind, "recover"), vault_id=vault.pk)
    soft_delete.recover(grant=grant, kind=BY_COLLECTION[kind], vault=vault, name=name)


def purge(*, grant: Grant, vault: Vault, kind: str, name: str, now: datetime) -> None:
    """Purge a deleted object. Raises what the kind's own operation raises, `ApprovalRequired` too."""
    grant.require(permission_for(kind, "purge"), vault_id=vault.pk)
    soft_delete.purge(grant=grant, kind=BY_COLLECTION[kind], vault=vault, name=name, now=now)


def set_version_enabled(
    *, grant: Grant, vault: Vault, kind: str, name: str, version: str, enabled: bool, now: datetime
) -> None:
    """Enable or disable one version; effective everywhere within a second. Raises as the kind's own update."""
    grant.require(permission_for(kind, "update"), vault_id=vault.pk)
    changes = {"enabled": enabled}
    _UPDATES[kind](grant=grant, vault=vault, name=name, version=version, changes=changes, now=now)
