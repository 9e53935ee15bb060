"""Access policies: what the resource management API calls the permissions of a principal in a vault.

A policy is a set of roles with one permission each, so that it is exactly as wide as it says and every rule of role
assignments holds for it.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.domain.access import operations as access
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import Assignment, list_assignments
from apps.domain.access.roles import is_policy, policy_text
from apps.domain.approvals.effects import effect_of
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import approved_operation
from apps.domain.vaults.models import Vault
from apps.domain.vaults.role_assignments import Assignee


def list_policies(vault: Vault) -> dict[UUID, frozenset[str]]:
    """List the policies of a vault: by principal the code names of their roles."""
    policies: dict[UUID, set[str]] = {}
    for row in list_assignments(targets={"vault": [str(vault.pk)]}):
        if row.principal_id is not None and is_policy(row.role):
            policies.setdefault(row.principal_id, set()).add(row.role)
    return {principal: frozenset(roles) for principal, roles in policies.items()}


def set_policy(*, grant: Grant, vault: Vault, assignee: Assignee, roles: Iterable[str], now: datetime) -> None:
    """Give a principal exactly these roles of a policy in a vault; none: it has no policy.

    What it loses it loses at once; what it gains in a production vault needs an approval, for all of it together.
    Raises `UnknownRole`, `SelfGrant`, `ApprovalRequired`.
    """
    grant.require(Permission.ROLES_ASSIGN, vault_id=vault.pk)
    principal_id = assignee.who
    assert isinstance(principal_id, UUID)  # noqa: S101  policies are of principals, not of groups
    wanted, held = frozenset(roles), list_policies(vault).get(principal_id, frozenset())
    gained = sorted(wanted - held)
    with transaction.atomic():
        for role in sorted(held - wanted):
            access.remove_role(grant=grant, assignee=principal_id, role=role, object_type="vault", object_id=vault.pk)
    if not gained:
        return
    for role in gained:
        access.check_assignment(grant=grant, assignee=principal_id, role=role, object_type="vault")
    effect = effect_of(assignments=[Assignment(principal_id, "", role, "vault", str(vault.pk)) for role in gained])
    with approved_operation(
        grant=grant,
        act=GuardedOperation.ROLE_GRANT,
        guarded=effect.guarded,
        subject="the vault",
        change={"who": assignee.description, "gets": [f"{policy_text(gained)}, in the whole vault"]},
        now=now,
        concerns=[vault.pk],
        basis=effect.basis,
        principals=[principal_id],
    ):
        for role in gained:
            access.assign_role(grant=grant, assignee=principal_id, role=role, object_type="vault", object_id=vault.pk)
