"""`authorize()` is the only maker of a `Grant`, and every domain operation demands one.

In Python this stops mistakes, not a hostile import: process separation stops those (security-guarantees.md section 3).
"""

from dataclasses import dataclass, field
from uuid import UUID

from apps.core.errors import Forbidden, VaultError
from apps.core.principals import Principal, PrincipalKind, RequestContext
from apps.domain.access import queries
from apps.domain.access.permissions import Permission
from apps.domain.access.person_roles import DUTY_PERMISSIONS, allows_with

_SEAL = object()


class NotAuthorised(Forbidden):
    """The principal lacks the permission at this scope."""


class GrantMismatch(VaultError):
    """A programming error: an operation was called with a grant for something else. Fails closed as a 500."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a permission is asked for: a vault, one object in it, or (no vault) the organisation.

    `object_type` is "key", "secret" or "certificate". `object_id` is None when no such object
    exists: then only an assignment at the vault can allow, and a caller without one learns nothing about existence.
    """

    vault_id: UUID | None = None
    vault_name: str = ""
    object_type: str = ""
    object_name: str = ""
    object_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Proof that `authorize()` allowed this principal this permission at this scope."""

    principal: Principal
    permission: Permission
    scope: Scope
    request: RequestContext
    _seal: object = field(repr=False, default=None)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            message = "a Grant is made by authorize() only"
            raise GrantMismatch(message)

    def require(self, *permissions: Permission, vault_id: UUID | None = None) -> None:
        """Raise `GrantMismatch` unless the grant is for this permission, or one of these (and this vault)."""
        if self.permission not in permissions or (vault_id is not None and vault_id != self.scope.vault_id):
            message = f"the operation needs {' or '.join(permissions)}, the grant is for {self.permission}"
            raise GrantMismatch(message)


def authorize(principal: Principal, permission: Permission, scope: Scope, request: RequestContext) -> Grant:
    """Decide. Raises `NotAuthorised`; the interface that called records the denial.

    People act by their duty and never on the data plane; developers' duty mostly wants a role at the place besides.
    Application identities act by role assignments; the system acts only where no role reaches.
    """
    if not _allowed(principal, permission, scope):
        raise NotAuthorised("Caller is not authorized to perform action on resource.")
    return Grant(principal, permission, scope, request, _SEAL)


def _allowed(principal: Principal, permission: Permission, scope: Scope) -> bool:
    if principal.kind is PrincipalKind.SYSTEM:
        return True
    if principal.duty is not None and permission in DUTY_PERMISSIONS[principal.duty]:
        return True
    held = held_at(principal, scope)
    return permission in held if principal.duty is None else allows_with(principal.duty, permission, held)


def held_at(principal: Principal, scope: Scope) -> frozenset[Permission]:
    """What role assignments at the place, or at its vault, allow the principal; a duty is not asked."""
    if scope.vault_id is None:
        return frozenset()
    return queries.permissions_of(
        principal_id=principal.id,
        vault_id=scope.vault_id,
        object_type=scope.object_type,
        object_id=scope.object_id,
    )
