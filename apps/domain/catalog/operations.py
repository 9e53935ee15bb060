"""Operations that keys, secrets and certificates share, dispatched to the operation of their kind."""

from datetime import datetime
from typing import Any

from apps.domain.access.grants import Grant
from apps.domain.catalog.queries import permission_for
from apps.domain.certificates.operations import properties as certificates
from apps.domain.certificates.operations import soft_delete as certificate_recycling
from apps.domain.keys.operations import creation as keys
from apps.domain.keys.operations import soft_delete as key_recycling
from apps.domain.secrets.operations import soft_delete as secret_recycling
from apps.domain.secrets.operations import values as secrets
from apps.domain.vaults.models import Vault

_SOFT_DELETE: dict[str, Any] = {
    "keys": key_recycling,
    "secrets": secret_recycling,
    "certificates": certificate_recycling,
}
_UPDATE: dict[str, Any] = {"keys": keys.update, "secrets": secrets.update, "certificates": certificates.update}


def delete(*, grant: Grant, vault: Vault, kind: str, name: str, now: datetime) -> None:
    """Delete softly. Raises what the kind's own operation raises."""
    grant.require(permission_for(kind, "delete"), vault_id=vault.pk)
    _SOFT_DELETE[kind].delete(grant=grant, vault=vault, name=name, now=now)


def recover(*, grant: Grant, vault: Vault, kind: str, name: str) -> None:
    """Recover a deleted object. Raises what the kind's own operation raises."""
    grant.require(permission_for(kind, "recover"), vault_id=vault.pk)
    _SOFT_DELETE[kind].recover(grant=grant, vault=vault, name=name)


def purge(*, grant: Grant, vault: Vault, kind: str, name: str, now: datetime) -> None:
    """Purge a deleted object. Raises what the kind's own operation raises, `ApprovalRequired` too."""
    grant.require(permission_for(kind, "purge"), vault_id=vault.pk)
    _SOFT_DELETE[kind].purge(grant=grant, vault=vault, name=name, now=now)


def set_version_enabled(
    *, grant: Grant, vault: Vault, kind: str, name: str, version: str, enabled: bool, now: datetime
) -> None:
    """Enable or disable one version; effective everywhere within a second. Raises what the kind's own update raises."""
    grant.require(permission_for(kind, "update"), vault_id=vault.pk)
    changes = {"enabled": enabled}
    _UPDATE[kind](grant=grant, vault=vault, name=name, version=version, changes=changes, now=now)
