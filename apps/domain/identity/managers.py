"""Applications that manage vaults: the role for all vaults, which security operations give and take."""

from datetime import datetime
from uuid import UUID

from apps.domain.access import operations as access
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import ORGANISATION, Assignment, list_managers
from apps.domain.access.roles import MANAGER, role_name
from apps.domain.approvals.effects import effect_of
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import approved_operation, end_requests
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.queries import get_organisation


def set_manager(*, grant: Grant, application: ApplicationIdentity, manager: bool, now: datetime) -> bool:
    """Make an application a manager of all vaults, or no longer. True when that is a change.

    Raises `ApprovalRequired` for a new manager where there is a production vault.
    """
    grant.require(Permission.MANAGERS_ASSIGN)
    organisation_id, principal_id = get_organisation().tenant_id, application.user_id
    if not manager:
        return access.set_manager(
            grant=grant, principal_id=principal_id, organisation_id=organisation_id, manager=False
        )
    gets = Assignment(principal_id, "", MANAGER, ORGANISATION, str(organisation_id))
    effect = effect_of(assignments=[gets])
    with approved_operation(
        grant=grant,
        act=GuardedOperation.MANAGEMENT_ROLE,
        guarded=effect.guarded,
        subject=f"applications/{application.name}",
        change={"who": application.name, "role": role_name(MANAGER), "opens": effect.opens},
        now=now,
        basis=effect.basis,
        principals=[principal_id],
    ):
        end_requests(grant=grant, concerns=principal_id)
        return access.set_manager(grant=grant, principal_id=principal_id, organisation_id=organisation_id, manager=True)


def is_manager(application: ApplicationIdentity) -> bool:
    """Tell whether the application manages all vaults."""
    return application.user_id in list_manager_ids()


def list_manager_ids() -> frozenset[UUID]:
    """Return the principals of the applications that manage all vaults."""
    return frozenset(row.principal_id for row in list_managers() if row.principal_id is not None)
