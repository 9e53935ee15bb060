"""The default policies of a vault, which new objects inherit: rotation policy and lifetime action."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from apps.audit_log.operation_names import Operation
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.certificates.operations import settings as certificates
from apps.domain.certificates.policy import Action
from apps.domain.keys.default_policy import DURATIONS, find_default
from apps.domain.keys.operations import default_policy as keys
from apps.domain.keys.rotation_policy import RotationPolicyValues
from apps.domain.vaults import queries
from apps.domain.vaults.models import Vault


@dataclass(frozen=True, slots=True)
class DefaultPolicies:
    """The defaults of a vault; None: Azure's."""

    keys: RotationPolicyValues | None = None
    certificates: Action | None = None


def find_defaults(*, vault: Vault) -> DefaultPolicies:
    """Return the defaults of a vault."""
    row = find_default(vault=vault)
    stored = Vault.objects.values_list("certificate_action", flat=True).get(pk=vault.pk)
    values = None if row is None else {name: getattr(row, name) for name in DURATIONS}
    return DefaultPolicies(
        None if values is None else RotationPolicyValues(**values), None if stored is None else Action(**stored)
    )


def set_defaults(
    *, grant: Grant, vault: Vault, changes: dict[str, Any], existing_keys: bool = False, now: datetime
) -> DefaultPolicies:
    """Change the default policies. `changes` has "keys" (`RotationPolicyValues`), "certificates" (`Action`) or both;
    None is Azure's default. `existing_keys`: keys without a policy inherit the new default too.

    Raises `BadRotationPolicy`, `BadPolicy`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    with recorded_change(
        grant.at(vault),
        Operation.VAULT_PATCH,
        object_id=f"vaults/{vault.name}",
        invalidate=lambda: queries.invalidate(name=vault.name),
    ) as record:
        if "keys" in changes:
            keys.set_default(grant=grant, vault=vault, policy=changes["keys"], existing=existing_keys, now=now)
        if "certificates" in changes:
            certificates.set_default_action(grant=grant, vault=vault, action=changes["certificates"])
        found = find_defaults(vault=vault)
        record.detail = {"defaultPolicies": asdict(found), "existingKeys": existing_keys}
    return found
