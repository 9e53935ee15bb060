"""Grants for work that no person or application asked for: initialisation, scheduled jobs, the ceremony."""

import uuid

from apps.core.ids import uuid7
from apps.core.principals import Principal, PrincipalKind, RequestContext
from apps.domain.access.grants import Grant, Scope, authorize
from apps.domain.access.permissions import Permission

SYSTEM = Principal(id=uuid.UUID(int=0), kind=PrincipalKind.SYSTEM, name="system", tenant_id=uuid.UUID(int=0))


def system_grant(
    permission: Permission, *, scope: Scope | None = None, origin: str, request: RequestContext | None = None
) -> Grant:
    """A grant for the system identity; `origin` (a command or task name) goes into the audit record.

    `request`: where somebody unknown asked, theirs.
    """
    if request is not None:
        return authorize(SYSTEM, permission, scope or Scope(), request)
    return authorize(SYSTEM, permission, scope or Scope(), RequestContext(request_id=uuid7(), user_agent=origin))


def grant_for_own_account(principal: Principal, permission: Permission, request: RequestContext) -> Grant:
    """What every person may do with their own account. Raises `NotAuthorised`."""
    return authorize(principal, permission, Scope(), request)
