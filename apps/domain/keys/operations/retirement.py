"""Retires an old version of a key: it is disabled, and can be enabled again while it exists."""

from datetime import datetime
from functools import partial

from apps.audit_log.operation_names import Operation
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.keys import queries
from apps.domain.keys.key_use import USES
from apps.domain.keys.kind import KEYS
from apps.domain.objects.changes import changed_version
from apps.domain.vaults.models import Vault

# What a disabled version refuses: the callers of these operations would fail.
REFUSED_WHEN_DISABLED = frozenset({operation for _, operation in USES.values()} | {Operation.KEY_RELEASE})


def disable_version(*, grant: Grant, vault: Vault, name: str, version: str, now: datetime) -> None:
    """Disable one version; effective everywhere within a second. Raises `KeyNotFound`, `ObjectManaged`."""
    grant.require(Permission.KEYS_UPDATE, vault_id=vault.pk)
    find = partial(queries.find_state, vault_id=vault.pk, name=name, version=version)
    with changed_version(KEYS, find, grant=grant, operation=Operation.KEY_UPDATE, changes={"enabled": False}, now=now):
        pass
