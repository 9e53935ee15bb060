"""The rows of rotation policies that keys inherit from their vault."""

from collections.abc import Iterable
from datetime import datetime

from apps.domain.keys.models import DefaultRotationPolicy, Key, RotationPolicy
from apps.domain.keys.rotation_policy import RotationPolicyValues
from apps.domain.vaults.models import Vault

_AT_ONCE = 1000  # rows of a statement, which may have 65 535 parameters
DURATIONS = tuple(RotationPolicyValues.__dataclass_fields__)


def find_default(*, vault: Vault) -> DefaultRotationPolicy | None:
    """Return what new keys of the vault inherit, if anything."""
    return DefaultRotationPolicy.objects.filter(vault=vault).first()


def inherit(key: Key, *, now: datetime) -> None:
    """Give a new key the default of its vault, in the caller's transaction."""
    row = DefaultRotationPolicy.objects.filter(vault_id=key.vault_id).first()
    if row is not None:
        inherit_from(row, [key], now=now)


def inherit_from(row: DefaultRotationPolicy, keys: Iterable[Key], *, now: datetime) -> None:
    """Give keys this default, except those that have a policy."""
    values = {name: getattr(row, name) for name in DURATIONS}
    policies = [RotationPolicy(key=key, **values, inherited=True, created=now, updated=now) for key in keys]
    RotationPolicy.objects.bulk_create(policies, ignore_conflicts=True, batch_size=_AT_ONCE)
