"""Acts that keys, secrets and certificates share: each is the operation of its own kind."""

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

_RECYCLING: dict[str, Any] = {"keys": key_recycling, "secrets": secret_recycling, "certificates": certificate_recycling}
_UPDATING: dict[str, Any] = {"keys": keys.update, "secrets": secrets.update, "certificates": certificates.update}


def delete(*, grant: Grant, vault: Vault, kind: str, name: str, now: datetime) -> None:
    """Delete softly. Raises what the kind's own operation raises."""
    grant.require(permission_for(kind, "delete"), vault_id=vault.pk)
    _RECYCLING[kind].delete(grant=grant, vault=vault, name=name, now=now)


def recover(*, grant: Grant, vault: Vault, kind: str, name: str) -> None:
    """Make a deleted object live again. Raises what the kind's own operation raises."""
    grant.require(permission_for(kind, "recover"), vault_id=vault.pk)
    _RECYCLING[kind].recover(grant=grant, vault=vault, name=name)


def purge(*, grant: Grant, vault: Vault, kind: str, name: str, now: datetime) -> None:
    """Remove a deleted object for good. Raises what the kind's own operation raises, `SecondPersonNeeded` too."""
    grant.require(permission_for(kind, "purge"), vault_id=vault.pk)
    _RECYCLING[kind].purge(grant=grant, vault=vault, name=name, now=now)


def set_version_enabled(
    *, grant: Grant, vault: Vault, kind: str, name: str, version: str, enabled: bool, now: datetime
) -> None:
    """Enable or disable one version; effective everywhere within a second. Raises what the kind's own update raises."""
    grant.require(permission_for(kind, "update"), vault_id=vault.pk)
    changes = {"enabled": enabled}
    _UPDATING[kind](grant=grant, vault=vault, name=name, version=version, changes=changes, now=now)
