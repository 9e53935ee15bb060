"""Giving and taking roles in a vault. On a guarded vault giving one needs a second person."""

from datetime import datetime
from uuid import UUID

from apps.access import operations as access
from apps.access.grants import Grant
from apps.access.permissions import Permission
from apps.approvals.models import Act
from apps.approvals.operations import second_person
from apps.vaults.models import Vault


def assign_role(
    *,
    grant: Grant,
    vault: Vault,
    principal: tuple[UUID, str],
    role: str,
    target: tuple[str, UUID, str],
    now: datetime,
) -> bool:
    """Give a principal, (id, name), a role at a target, (object type, id, name for people). True when it is new.

    Raises `UnknownRole`, `SelfGrant`, `SecondPersonNeeded`.
    """
    grant.require(Permission.ROLES_ASSIGN, vault_id=vault.pk)
    access.check_assignment(grant=grant, principal_id=principal[0], role=role, object_type=target[0])
    with second_person(
        grant=grant,
        act=Act.ROLE_GRANT,
        guarded=vault.production,
        subject=target[2] or "the vault",
        change={"who": principal[1], "role": role, "where": target[2] or "the whole vault"},
        now=now,
    ):
        return access.assign_role(
            grant=grant, principal_id=principal[0], role=role, object_type=target[0], object_id=target[1]
        )


def remove_role(*, grant: Grant, vault: Vault, principal_id: UUID, role: str, target: tuple[str, UUID, str]) -> bool:
    """Take a role away, at once: less access needs nobody's leave. Raises `UnknownRole`, `SelfGrant`."""
    grant.require(Permission.ROLES_ASSIGN, vault_id=vault.pk)
    return access.remove_role(
        grant=grant, principal_id=principal_id, role=role, object_type=target[0], object_id=target[1]
    )
