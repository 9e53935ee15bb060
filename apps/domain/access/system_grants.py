"""Grants of the system identity (initialisation, scheduled jobs, the ceremony) and for a person's own account."""

import uuid
from typing import Any

from apps.core.ids import uuid7
from apps.core.principals import Principal, PrincipalKind, RequestContext
from apps.domain.access.grants import Grant, Scope, authorize
from apps.domain.access.permissions import Permission

SYSTEM = Principal(id=uuid.UUID(int=0), kind=PrincipalKind.SYSTEM, name="system", tenant_id=uuid.UUID(int=0))


def system_grant(
    permission: Permission, *, scope: Scope | None = None, origin: str, request: RequestContext | None = None
) -> Grant:
    """Make a grant for the system identity; `origin` (a command or task name) goes into the audit record.

    `request`: that of an unknown caller, on whose behalf the system acts.
    """
    request = request or RequestContext(request_id=uuid7(), user_agent=origin)
    return authorize(SYSTEM, permission, scope or Scope(), request)


def scheduled_grant(vault: Any = None, *place: Any, origin: str = "scheduler") -> Grant:
    """Make the grant of scheduled work: in the organisation, at a vault, or at an object (`place` as in `Scope.of`)."""
    return system_grant(Permission.VAULTS_SWEEP, scope=Scope.of(vault, *place), origin=origin)


def grant_for_own_account(principal: Principal, permission: Permission, request: RequestContext) -> Grant:
    """Make a grant for what every person may do with their own account. Raises `NotAuthorised`."""
    return authorize(principal, permission, Scope(), request)
