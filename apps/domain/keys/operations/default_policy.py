"""The rotation policy that new keys of a vault inherit, until they get one of their own."""

from dataclasses import asdict
from datetime import datetime

from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.keys import default_policy, rotation_policy
from apps.domain.keys.models import DefaultRotationPolicy, Key, RotationPolicy
from apps.domain.keys.rotation_policy import RotationPolicyValues
from apps.domain.vaults.models import Vault


def set_default(
    *, grant: Grant, vault: Vault, policy: RotationPolicyValues | None, existing: bool, now: datetime
) -> DefaultRotationPolicy | None:
    """Set the policy that new keys of the vault inherit, in the caller's transaction, which records it; None: none.

    Keys with an inherited policy follow the change. `existing`: keys without a policy inherit it too. Raises
    `BadRotationPolicy`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    inherited = RotationPolicy.objects.filter(key__vault=vault, inherited=True)
    if policy is None:
        inherited.delete()
        DefaultRotationPolicy.objects.filter(vault=vault).delete()
        return None
    values = asdict(rotation_policy.validate_rotation_policy(policy))
    row, _ = DefaultRotationPolicy.objects.update_or_create(vault=vault, defaults={**values, "updated": now})
    inherited.update(**values, updated=now)
    if existing:
        keys = Key.objects.filter(vault=vault, managed=False, current__isnull=False, rotation_policy__isnull=True)
        default_policy.inherit_from(row, keys, now=now)
    return row
